# SPDX-License-Identifier: GPL-2.0-only
"""One test from its start to its verdict: rounds of dump and restore, and what is checked on the way."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import shlex
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import abilities, images, procstate, tasks
from .catalog import Test
from .terminal import TIMED_OUT, Command, PlainRunner, Runner, TerminalRunner

SKIP_STATUS = 77


@dataclass(frozen=True)
class Settings:
    """The command line, as one test's execution needs it."""

    top: Path  # the source tree
    build: Path
    workdir: Path
    criu: Path
    restore_criu: Path | None = None  # None: the same
    iters: int = 1
    nocr: bool = False
    norst: bool = False
    rmfork: bool = False
    rmfork_mode: str = "shared"
    keep_images: bool = False
    crit: str | None = None
    timeout: float = 120.0  # seconds for any one step
    try_all: bool = False  # what is "not yet" is run as an ordinary test
    ignore: frozenset[str] = frozenset()  # parts of /proc, on top of what a test ignores
    skips: dict[str, str] = field(default_factory=dict)  # reasons, by full name


@dataclass
class Result:
    name: str
    verdict: str  # PASS, FAIL or SKIP
    seconds: float = 0.0
    reason: str = ""
    details: list[str] = field(default_factory=list)
    kept: str = ""  # where the images and logs are


class Failed(Exception):
    """The test failed: why in one line, and lines of detail."""

    def __init__(self, reason: str, details: list[str] | None = None) -> None:
        super().__init__(reason)
        self.details = details or []


class Skipped(Exception):
    """The test cannot run here."""


def _log_excerpt(log: Path, output: Path) -> list[str]:
    """What one wants to see first of a failed criu run: its errors and its last lines."""
    out: list[str] = []
    for path in (output, log):
        if not path.exists():
            out.append(f"(no {path.name})")
            continue
        lines = path.read_text(errors="backslashreplace").splitlines()
        errors = [line for line in lines[:-20] if "Error" in line][-20:]
        out += [f"--- {path}"] + errors + (["..."] if errors else []) + lines[-20:]
    return out


@contextlib.contextmanager
def _terminals_alone() -> Iterator[None]:
    """A terminal's number is the lowest that is free: no other test may take it between a dump and a restore."""
    with open(Path(tempfile.gettempdir()) / "zdtm-terminals.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


class Execution:
    def __init__(self, test: Test, settings: Settings) -> None:
        self._test = test
        self._settings = settings
        self._dir = settings.workdir / test.short
        self._run_dir = self._dir / "run"  # the test's own files
        self._outfile = self._dir / "outfile"
        self._pidfile = self._dir / "pidfile"
        self._link_remap = "--link-remap" in test.dump_opts
        self._refusal = None if test.not_yet and settings.try_all else test.refusal
        self._runner: Runner = PlainRunner()
        self._root = 0

    def result(self) -> Result:
        started = time.monotonic()
        result = Result(self._test.name, "PASS")
        try:
            self._check_needs()
            with _terminals_alone() if self._test.flags & {"pty", "pts"} else contextlib.nullcontext():
                self._whole()
        except Failed as failure:
            result.verdict, result.reason, result.details = "FAIL", str(failure), failure.details
        except Skipped as skip:
            result.verdict, result.reason = "SKIP", str(skip)
        except Exception as error:  # a defect here must not end the run of the other tests
            result.verdict, result.reason = "FAIL", f"zdtm.py: {error!r}"
            result.details = traceback.format_exc().splitlines()
        result.seconds = round(time.monotonic() - started, 3)
        if result.verdict == "FAIL" or self._settings.keep_images:
            result.kept = str(self._dir)
        elif self._dir.exists():
            shutil.rmtree(self._dir)
        return result

    def _check_needs(self) -> None:
        if self._test.name in self._settings.skips:
            raise Skipped(self._settings.skips[self._test.name])
        if self._settings.restore_criu and self._test.refusal:
            raise Skipped("its dump is refused: there is nothing to restore by another criu")
        if self._settings.rmfork and self._test.no_rmfork:
            raise Skipped(self._test.no_rmfork)
        if self._settings.norst and self._link_remap:
            raise Skipped("the temporary link waits for a restore")
        if self._settings.nocr:
            return  # what a test needs is for its restore; it asks for the rest itself
        for ability in self._test.needs:
            reason = abilities.missing(ability)
            if reason:
                raise Skipped(reason)

    def _whole(self) -> None:
        shutil.rmtree(self._dir, ignore_errors=True)
        self._run_dir.mkdir(parents=True)
        try:
            if "pty" in self._test.flags:
                self._runner = TerminalRunner()
            self._start()
            self._rounds()
            self._finish()
            self._check_leftovers()
            if self._settings.rmfork and not self._settings.keep_images:
                self._free_snapshots()
        finally:
            tasks.kill_below(self._runner.pids())
            self._runner.close()

    # --- the test program

    def _command(self, argv: list[str], output: Path) -> Command:
        env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "ZDTM": self._test.name}
        return Command(argv, self._run_dir, output, env, self._settings.timeout)

    def _start(self) -> None:
        program = self._settings.build / "test" / self._test.name
        if not program.exists():
            raise Failed(f"{program} is not built (make tests)")
        source = self._settings.top / "test" / f"{self._test.name}.c"
        if source.exists() and source.stat().st_mtime > program.stat().st_mtime:
            raise Failed(f"{program} is older than {source} (make tests)")
        argv = [str(program), f"--pidfile={self._pidfile}", f"--outfile={self._outfile}"]
        if "pty" in self._test.flags:
            argv.append("--keep-session")
        for option in self._test.options:
            suffix = "dir" if option == "dirname" else "test"
            value = f"{self._run_dir}/{self._test.short}.{suffix}"
            argv.append(f"--{option}={value}")
        starting = self._dir / "start.log"
        status = self._runner.run(self._command(argv, starting))
        said = self._said() + procstate.read_text(str(starting)).splitlines()
        if status == SKIP_STATUS:
            raise Skipped("; ".join(line[6:] for line in said if line.startswith("SKIP: ")))
        if status:
            how = "hung" if status == TIMED_OUT else f"ended with {status}"
            raise Failed(f"the test {how} before it was ready", said)
        self._root = int(self._pidfile.read_text())

    def _said(self) -> list[str]:
        if not self._outfile.exists():
            return []
        return self._outfile.read_text(errors="backslashreplace").splitlines()

    def _finish(self) -> None:
        """The signal that follows the restore, and what the test says to it."""
        with tasks.Handles([self._root]) as handles:
            try:
                os.kill(self._root, signal.SIGTERM)
            except ProcessLookupError:
                pass  # the outfile may say why it is gone
            if handles.wait(self._settings.timeout):
                stack = procstate.read_text(f"/proc/{self._root}/stack").splitlines()
                raise Failed("the test did not end after SIGTERM", self._said() + stack)
        status = tasks.reap(self._root)
        said = self._said()
        failures = [line for line in said if line.startswith("FAIL")]
        if failures:
            raise Failed(failures[0], [line for line in said if line != failures[0]])
        if status is None or not os.WIFEXITED(status) or os.WEXITSTATUS(status):
            raise Failed(f"the test ended with wait status {status}", said)
        if said[-1:] != ["PASS"]:
            raise Failed("the test did not say PASS", said)

    def _check_leftovers(self) -> None:
        """Tasks and temporary files that should be gone."""
        left = tasks.kill_below(self._runner.pids())
        if left:
            raise Failed(f"tasks of the test are left: {left}")
        pattern = re.compile(r"\.ghost$|^link_remap\.|\.cr\.")
        files = [str(path) for path in self._run_dir.rglob("*") if pattern.search(path.name)]
        if files:
            raise Failed(f"files of the restore are left: {files}")

    def _free_snapshots(self) -> None:
        """One pool holds those of all tests: its size is to limit what one test needs, not their number."""
        rmforkctl, output = self._settings.build / "rmfork/tools/rmforkctl", self._dir / "free.out"
        for img_dir in sorted({path.parent for path in self._dir.glob("img/*/rmfork-*.img")}):
            argv = [str(rmforkctl), "free", "--images", str(img_dir)]
            if PlainRunner().run(self._command(argv, output)):
                raise Failed("its snapshots are not freed", procstate.read_text(str(output)).splitlines())

    # --- rounds

    def _rounds(self) -> None:
        if self._settings.nocr:
            return
        iters = 1 if "norestart" in self._test.flags else self._settings.iters
        for number in range(1, iters + 1):
            img_dir = self._dir / "img" / str(number)
            img_dir.mkdir(parents=True)
            before = self._take_state()
            if self._refusal:
                self._refused_dump(img_dir, before)
                return
            if self._settings.norst:
                self._dump(img_dir, ["--leave-running"])
                self._compare(before, "the dump")
            else:
                self._dump_and_restore(img_dir, before)
            self._decode(img_dir)

    def _dump_and_restore(self, img_dir: Path, before: procstate.Snapshot) -> None:
        pids = tasks.tree(self._root)
        with tasks.Handles(pids) as handles:
            self._dump(img_dir, [])
            alive = handles.wait(min(10, self._settings.timeout))
            if alive:
                raise Failed(f"tasks {alive} are alive after the dump")
        tasks.reap_all(pids)
        gone = [pid for pid in pids if Path(f"/proc/{pid}").exists()]
        if gone:
            raise Failed(f"tasks {gone} are still there after the dump")
        if self._settings.rmfork:
            self._check_rmfork_dump(img_dir, before)
        self._restore(img_dir)
        if self._settings.rmfork:
            self._check_rmfork_restore(img_dir, before)
        self._compare(before, "the restore")

    def _criu(self, verb: str, img_dir: Path, more: list[str]) -> tuple[int, Path, Path]:
        """Exit status, the log, and what was said on stdout and stderr."""
        log, output = img_dir / f"{verb}.log", img_dir / f"{verb}.out"
        criu = self._settings.restore_criu if verb == "restore" else None
        argv = [str(criu or self._settings.criu), verb, "-D", str(img_dir), "-o", log.name, "-v4"] + more
        if self._settings.rmfork:
            argv.append("--enable-rmfork")
        with open(img_dir / "commands", "a", encoding="utf-8") as commands:
            commands.write(shlex.join(argv) + "\n")
        return self._runner.run(self._command(argv, output)), log, output

    def _criu_must(self, verb: str, img_dir: Path, more: list[str]) -> None:
        status, log, output = self._criu(verb, img_dir, more)
        if status:
            how = "hung" if status == TIMED_OUT else f"gave {status}"
            raise Failed(f"criu {verb} {how}", _log_excerpt(log, output))

    def _dump(self, img_dir: Path, more: list[str]) -> None:
        self._criu_must("dump", img_dir, ["-t", str(self._root), *more, *self._test.dump_opts])

    def _restore(self, img_dir: Path) -> None:
        pidfile = img_dir / "restored.pid"
        more = ["-d", "--pidfile", str(pidfile), *self._test.restore_opts]
        if self._settings.rmfork:
            more += ["--rmfork-mode", self._settings.rmfork_mode]
        self._criu_must("restore", img_dir, more)
        restored = procstate.read_text(str(pidfile)).strip()
        if restored != str(self._root):
            raise Failed(f"the restored pid is {restored!r}, was {self._root}")

    def _take_state(self) -> procstate.Snapshot:
        return procstate.take(self._root, self._link_remap, self._settings.rmfork_mode == "lazy")

    def _compare(self, before: procstate.Snapshot, event: str) -> None:
        after = self._take_state()
        delta = procstate.differences(before, after, self._test.ignore | self._settings.ignore)
        if delta:
            raise Failed(f"/proc differs after {event}", delta + self._said())

    def _refused_dump(self, img_dir: Path, before: procstate.Snapshot) -> None:
        assert self._refusal
        more = ["-t", str(self._root), *self._test.dump_opts]
        status, log, output = self._criu("dump", img_dir, more)
        if status != 1:
            raise Failed(f"the dump was to be refused, it gave {status}", _log_excerpt(log, output))
        for path in (log, output):
            if self._refusal not in procstate.read_text(str(path)):
                raise Failed(
                    f"{path.name} does not say {self._refusal!r}", _log_excerpt(log, output)
                )
        self._compare(before, "the refused dump")

    @staticmethod
    def _maps_by_pid(snapshot: procstate.Snapshot) -> dict[int, str]:
        """Of all tasks that have memory: zombies are not among them."""
        found = {k.split("/")[0]: text for k, text in snapshot.items() if k.endswith("/maps")}
        return {int(pid): text for pid, text in found.items()}

    def _check_rmfork_dump(self, img_dir: Path, before: procstate.Snapshot) -> None:
        maps = self._maps_by_pid(before)
        complaints = images.pages_not_by_rmfork(img_dir, maps)
        complaints += [
            f"there is no rmfork-{pid}.img" for pid in maps if not (img_dir / f"rmfork-{pid}.img").exists()
        ]
        if complaints:
            raise Failed("memory took the ordinary path", complaints)

    def _check_rmfork_restore(self, img_dir: Path, before: procstate.Snapshot) -> None:
        """The log must name each task, and say at the end that the kernel put the pages there."""
        log = procstate.read_text(str(img_dir / "restore.log"))
        missing = [p for p in self._maps_by_pid(before) if not re.search(rf"RMFork: task {p} ", log)]
        if missing or "RMFork: private pages inserted by the kernel" not in log:
            raise Failed(f"restore.log does not say that pages came by rmfork, tasks {missing}")

    def _decode(self, img_dir: Path) -> None:
        if not self._settings.crit:
            return
        output = img_dir.with_suffix(".crit")
        status = self._runner.run(
            self._command([*shlex.split(self._settings.crit), str(img_dir)], output)
        )
        if status:
            said = procstate.read_text(str(output)).splitlines()
            raise Failed(f"decoding the images gave {status}", said)
