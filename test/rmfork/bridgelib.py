# SPDX-License-Identifier: GPL-2.0-only
"""What the cases of bridge-test, faults-test, sharing-test and ctl-test stand on: the kernel's side, a target, runs of criu."""

from __future__ import annotations

import ctypes
import errno
import fcntl
import gzip
import os
import re
import shutil
import signal
import struct
import subprocess
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("O", TOP / "build")).resolve()
CRIU = str(BUILD / "criu/criu")
TARGET = str(BUILD / "test/rmfork/target")
WITHIN = 60.0  # seconds until something that has to happen has happened, on an emulated processor
MIB = 1 << 20
PR_SET_CHILD_SUBREAPER = 36
RT_SIGTIMEDWAIT = "128"  # as /proc/PID/syscall has it

# rmfork/uapi.h
DEVICE = "/dev/rmfork"
SYSCALL_NR = 454
KARGS = struct.Struct("<6Q")
QUERY = struct.Struct("<IIQ16s5Q")
INFO = struct.Struct("<8Q4I")
IOCTL = 3 << 30 | KARGS.size << 16 | 0xFA << 8 | 0x54
OP_QUERY, OP_FREE, OP_LIST = 4, 5, 7
FEAT_LAZY = 1 << 7


class Skipped(Exception):
    pass


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline, f"it did not come to this: {what}"
        time.sleep(0.01)


@dataclass(frozen=True)
class Pool:
    """What QUERY and LIST say, as far as a dump that leaves nothing has to leave it alone."""

    free: int
    snapshots: tuple[int, ...]


class Device:
    """rmfork as programs other than criu see it. Opened for each call: an open device pins the module."""

    @staticmethod
    def _call(*kargs: int) -> tuple[int, int]:
        """The return value, and pa as the kernel left it."""
        words = bytearray(KARGS.pack(*kargs))
        fd = os.open(DEVICE, os.O_RDWR | os.O_CLOEXEC)
        try:
            ret = fcntl.ioctl(fd, IOCTL, words, True)
        finally:
            os.close(fd)
        return ret, KARGS.unpack(words)[3]

    def _query(self) -> tuple[int, ...]:
        buffer = ctypes.create_string_buffer(QUERY.size)
        self._call(OP_QUERY, 0, ctypes.addressof(buffer), 0, 0, QUERY.size)
        return QUERY.unpack(buffer.raw)

    def uuid(self) -> str:
        text = self._query()[3].hex()
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    def lazy_restores(self) -> bool:
        return self._query()[2] & FEAT_LAZY != 0

    def pool_bytes(self) -> int:
        return self._query()[4]

    def free_bytes(self) -> int:
        return self._query()[5]

    def snapshots(self) -> list[int]:
        found, cursor = [], 0
        while True:
            buffer = ctypes.create_string_buffer(INFO.size)
            ret, cursor = self._call(OP_LIST, 0, ctypes.addressof(buffer), cursor, 0, INFO.size)
            if ret == 0:
                return found
            found.append(INFO.unpack(buffer.raw)[0])

    def pool(self) -> Pool:
        return Pool(self.free_bytes(), tuple(self.snapshots()))

    def free(self, meta_off: int) -> None:
        self._call(OP_FREE, 0, 0, meta_off, 0, 0)

    def free_all(self) -> None:
        for meta_off in self.snapshots():
            self.free(meta_off)


def has_system_call() -> bool:
    """Only EFAULT to a null pointer is rmfork: the number is another call's on newer kernels."""
    libc = ctypes.CDLL(None, use_errno=True)
    return libc.syscall(SYSCALL_NR, 0, 0, 0, 0, 0, 0) == -1 and ctypes.get_errno() == errno.EFAULT


class Module:
    """Unloading and loading again, with the parameters it has."""

    def __init__(self) -> None:
        release = os.uname().release
        # The debug kernel has the release of the one it is a variant of.
        config = Path("/proc/config.gz")
        debug = config.exists() and b"CONFIG_KASAN=y" in gzip.decompress(config.read_bytes())
        for file in sorted(BUILD.glob("rmfork/kernel-*/rmfork.ko")):
            if (file.parent.name == "kernel-debug") != debug:
                continue
            done = subprocess.run(["modinfo", "-F", "vermagic", file], capture_output=True, text=True)
            if done.stdout.split()[:1] == [release]:
                self.file = str(file)
                break
        else:
            raise AssertionError(f"there is no rmfork.ko for {release} in {BUILD}/rmfork")
        parameter = Path("/sys/module/rmfork/parameters/ubmem_mb")
        self._mib = parameter.read_text().strip() if parameter.exists() else ""

    def unload(self) -> None:
        # A task that is just ending may hold pages that were freed; they pin the module.
        wait_until("the module can be unloaded",
                   lambda: subprocess.run(["rmmod", "rmfork"], capture_output=True).returncode == 0)

    def reload(self) -> None:
        self.unload()
        self.load()

    def load(self) -> None:
        if not Path("/sys/module/rmfork").exists():
            subprocess.run(["insmod", self.file, f"ubmem_mb={self._mib}"], check=True)


def entry_fields(data: bytes) -> dict[int, int]:
    """The numbers in rmfork-PID.img: two magics, a length, and one message (rmfork.proto)."""
    magic, kind, length = struct.unpack_from("<III", data)
    assert (magic, kind) == (0x54564319, 0x524D464B) and len(data) == 12 + length, data[:12].hex()
    at, fields = 12, {}

    def varint() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = data[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(data):
        key = varint()
        value = varint()
        if key & 7 == 2:
            at += value
        else:
            fields[key >> 3] = value
    return fields


def replace_meta_off(image: Path, old: int, new: int) -> None:
    """In rmfork-PID.img, whose first field it is."""
    def field(value: int) -> bytes:
        data = bytearray(b"\x08")
        while value >= 0x80:
            data.append(value & 0x7F | 0x80)
            value >>= 7
        data.append(value)
        return bytes(data)

    data = image.read_bytes()
    message = data[12:]
    assert message.startswith(field(old)), message.hex()
    message = field(new) + message[len(field(old)):]
    image.write_bytes(data[:8] + struct.pack("<I", len(message)) + message)
    assert entry_fields(image.read_bytes())[1] == new


class Outcome:
    def __init__(self, verb: str, done: subprocess.CompletedProcess[str], log: Path) -> None:
        self.verb, self.status, self.text = verb, done.returncode, done.stderr
        self.log = log.read_text(errors="replace") if log.exists() else done.stderr

    def errors(self) -> list[str]:
        return errors_in(self.text)

    def must_work(self) -> Outcome:
        assert self.status == 0, f"criu {self.verb} ends with {self.status}: {self.text}"
        return self

    def must_refuse(self, *words: str, sentences: int = 1) -> None:
        """Status 1 and so many sentences, the first of which has all these words."""
        assert self.status == 1, f"criu {self.verb} ends with {self.status}, not 1: {self.text}"
        errors = self.errors()
        assert len(errors) == sentences, f"{len(errors)} sentences: {self.text!r}"
        for word in words:
            assert word in errors[0], f"{word!r} is not in: {errors[0]}"


def errors_in(text: str) -> list[str]:
    """The sentences of a log, or of standard error, without the last that says that all has failed."""
    return [e for e in re.findall(r"^(?:\([\d.]+\) +(?:\d+: )?Error |Error: )(.*)$", text, re.M)
            if not e.endswith(" FAILED.")]


class Case:
    """An images directory, targets, the kernel as it was before; end() sees to it that it is so again."""

    def __init__(self, directory: Path, transport: str) -> None:
        self.home, self.transport = directory, transport
        self.images = directory / "images"
        self.images.mkdir(exist_ok=True)  # a case may begin with images from elsewhere
        self.device = Device()
        self.pids: list[int] = []
        self.answers: dict[int, str] = {}
        self.before = self.device.pool()
        self.mounts: list[Path] = []

    # the target

    def launch(self, program: str, *arguments: object) -> int:
        """In a session of its own; the first of the targets, and the only one for now."""
        child = subprocess.Popen(
            [program, *map(str, arguments)], start_new_session=True, cwd="/",
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )
        child.returncode = 0  # reaped by reap()
        self.pids = [child.pid]
        return child.pid

    def start(self, mib: int = 2, kind: str = "plain") -> None:
        pid = self.launch(TARGET, self.home, mib, kind)
        children = Path(f"/proc/{pid}/task/{pid}/children")
        if kind in ("tree", "threads"):
            wait_until("the tree is there", lambda: len(children.read_text().split()) == 2)
            self.pids += [int(p) for p in children.read_text().split()]
        for pid in self.pids:
            wait_until("the target is ready", self.answer_file(pid).exists)
            self.answers[pid] = self.answer_file(pid).read_text()

    @property
    def pid(self) -> int:
        return self.pids[0]

    def answer_file(self, pid: int) -> Path:
        return self.home / f"answer.{pid}"

    def must_be_well(self) -> None:
        """Every task adds its memory up, finds it as it was, and goes on."""
        for pid in self.pids:
            self.answer_file(pid).unlink()
            assert self.is_there(pid), f"task {pid} is not there"
            assert status(pid, "TracerPid") == "0", f"task {pid} is traced"
            os.kill(pid, signal.SIGUSR1)
            wait_until(f"task {pid} answers", lambda p=pid: self.answer_file(p).exists() or not self.is_there(p))
            assert self.answer_file(pid).exists(), f"task {pid} has ended"
            answer = self.answer_file(pid).read_text().split()
            count = int(self.answers[pid].split()[1])
            assert answer[:2] == ["ok", str(count + 1)], f"task {pid}: {answer}, {self.answers[pid]!r} before"
            self.answers[pid] = " ".join(answer)

    @staticmethod
    def is_there(pid: int) -> bool:
        try:
            return status(pid, "State") != "Z"
        except (FileNotFoundError, ProcessLookupError):
            return False

    @staticmethod
    def waits_for_signals(pid: int) -> bool:
        """As the targets do between two answers. One that is being killed does not wait any more."""
        try:
            return Path(f"/proc/{pid}/syscall").read_text().split()[0] == RT_SIGTIMEDWAIT
        except (FileNotFoundError, ProcessLookupError):
            return False

    def maps(self) -> list[str]:
        return [line for pid in self.pids for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]

    def kill(self) -> None:
        for pid in reversed(self.pids):
            if self.is_there(pid):
                os.kill(pid, signal.SIGKILL)
        self.reap()

    def reap(self) -> None:
        """As a subreaper this process inherits whatever a dump or a restore leaves, and sees all end."""
        def gone() -> bool:
            try:
                while os.waitpid(-1, os.WNOHANG)[0] != 0:
                    pass
            except ChildProcessError:
                return True
            return not any(Path(f"/proc/{p}").exists() for p in self.pids)

        wait_until("the tasks have ended", gone)

    # criu

    def modes(self) -> tuple[str, ...]:
        """The ways of restoring that this kernel has."""
        return ("shared", "lazy", "copy") if self.device.lazy_restores() else ("shared", "copy")

    def needs_lazy_restores(self) -> None:
        if not self.device.lazy_restores():
            raise Skipped("no lazy restores on this kernel")

    def run(self, verb: str, *options: str, before: tuple[str, ...] = (), images: Path | None = None) -> Outcome:
        images = images or self.images
        log = self.home / f"{verb}.log"
        log.unlink(missing_ok=True)
        more = ["-t", str(self.pid)] if verb == "dump" else ["-d"] if verb == "restore" else []
        done = subprocess.run(
            [*before, CRIU, verb, "-D", images, "-v4", "-o", log, *more, *options],
            capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=WITHIN,
        )
        return Outcome(verb, done, log)

    def by_rmfork(self, verb: str, *options: str, **more) -> Outcome:
        return self.run(verb, "--enable-rmfork", "--rmfork-transport", self.transport, *options, **more)

    def dump_away(self, *options: str) -> Outcome:
        done = self.by_rmfork("dump", *options).must_work()
        self.reap()
        return done

    def must_refuse_restore(self, outcome: Outcome, *words: str) -> None:
        outcome.must_refuse(*words)
        started = [p for p in self.pids if Path(f"/proc/{p}").exists()]
        assert not started, f"the refused restore has left {started}"
        children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
        assert not children, f"the refused restore has left children: {children}"

    def must_fail_unharmed(self, dump: Callable[[], Outcome], *words: str) -> Outcome:
        """A dump that is refused or fails: the target and the pool are as before."""
        maps, pool = self.maps(), self.device.pool()
        outcome = dump()
        outcome.must_refuse(*words)
        self.must_have_left_nothing(maps, pool)
        return outcome

    def must_have_left_nothing(self, maps: list[str], pool: Pool) -> None:
        assert self.device.pool() == pool, f"the pool was {pool}, it is {self.device.pool()}"
        now = self.maps()
        assert now == maps, f"mappings have changed: {sorted(set(now) ^ set(maps))}"
        self.must_be_well()

    # places to dump to

    def small_disk(self, kib: int) -> Path:
        place = self.home / "disk"
        self.unmount(place)
        place.mkdir(exist_ok=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={kib}k", "none", place], check=True)
        self.mounts.append(place)
        return place

    def unmount(self, place: Path) -> None:
        if place in self.mounts:
            subprocess.run(["umount", place], check=True)
            self.mounts.remove(place)

    def end(self) -> None:
        """Everything away; then all that was free must be free again."""
        self.kill()
        for place in list(self.mounts):
            self.unmount(place)
        shutil.rmtree(self.images)
        self.device.free_all()
        # What an ended task has mapped comes back when the pool next looks.
        wait_until("all of ubmem is free again", lambda: self.device.pool() == self.before)


def status(pid: int, key: str) -> str:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(key + ":"):
            return line.split()[1]
    raise AssertionError(f"/proc/{pid}/status has no {key}")


def told(e: Exception) -> str:
    """An exception in a line: what it says, what it is, and where in these tests it comes from."""
    frames = traceback.extract_tb(e.__traceback__)
    ours = [f for f in frames if Path(f.filename).resolve().is_relative_to(TOP)] or frames
    place = f"{Path(ours[-1].filename).name}:{ours[-1].lineno}" if ours else "nowhere"
    return f"{e} ({type(e).__name__}, {place})"


def run_case(run, transport: str, kind: type[Case]) -> str:
    start = time.monotonic()
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="rmfork-test-") as name:
        case = kind(Path(name), transport)
        result, said = "PASS", None
        try:
            said = run(case)
        except Skipped as e:
            result, said = "SKIP", e
        except Exception as e:
            result, said = "FAIL", told(e)
        try:
            case.end()
        except Exception as e:
            result, said = "FAIL", f"{said or ''}; afterwards: {told(e)}"
    print(f"{result} {run.__name__}" + (f": {said}" if said else "") + f" ({time.monotonic() - start:.1f} s)",
          flush=True)
    return result


def run_cases(cases: list[Callable], transport: str, patterns: list[str], kind: type[Case] = Case) -> int:
    """One after the other, those whose name contains one of the patterns; the exit status."""
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    Device().free_all()
    chosen = [c for c in cases if not patterns or any(p in c.__name__ for p in patterns)]
    results = [run_case(c, transport, kind) for c in chosen]
    print(f"{results.count('PASS')} passed, {results.count('FAIL')} failed, {results.count('SKIP')} skipped")
    return 1 if "FAIL" in results or not results else 0
