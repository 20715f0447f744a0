# SPDX-License-Identifier: GPL-2.0-only
"""The frame of the tests of files: a case has a directory, and a task that is dumped and restored. Natively, as root."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

sys.path.insert(1, str(Path(__file__).resolve().parents[1]))
from isolation import own_mounts  # noqa: E402

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("O", TOP / "build")).resolve()
CRIU = str(BUILD / "criu/criu")
PR_SET_CHILD_SUBREAPER = 36
WITHIN = 10.0  # seconds until something that has to happen has happened
LIBC = ctypes.CDLL(None, use_errno=True)


def wait_until(what: str, holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < deadline, f"it did not come to this: {what}"
        time.sleep(0.005)


class Case:
    """A directory, an images directory in it, and the task that is dumped."""

    def __init__(self, directory: Path) -> None:
        self.dir = directory
        self.images = directory / "images"
        shutil.rmtree(directory, ignore_errors=True)
        self.images.mkdir(parents=True)
        self.pid = 0

    def fork(self, prepare: Callable[[], object], check: Callable[[object], str]) -> None:
        """
        A task in a session of its own: prepares, waits for a SIGTERM, and writes what check says of the outcome to
        DIR/said. It has no descriptors but those that it makes.
        """
        self.fork_with({}, prepare, check)

    def fork_with(self, handed_on: dict[int, int], prepare: Callable[[], object],
                  check: Callable[[object], str]) -> None:
        """The same; and it has of ours what handed_on says: its number, and ours."""
        ready, said = self.dir / "ready", self.dir / "said"
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                kept = {number: os.dup2(fd, 2000 + number) for number, fd in handed_on.items()}
                os.closerange(0, 2000)
                for number, fd in kept.items():
                    os.dup2(fd, number)
                os.closerange(2000, 3000)
                signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
                state = prepare()
                ready.touch()
                signal.sigwait([signal.SIGTERM])
                text = check(state)
            except BaseException as e:  # what the parent is told
                text = repr(e)
            half = self.dir / "said.half"
            half.write_text(text)
            half.rename(said)
            os._exit(0)
        wait_until("the task is ready", ready.exists)

    def execute(self, program: Path) -> None:
        """A copy of the benchmarks' target."""
        ready = self.dir / "ready"
        child = subprocess.Popen([program, "1", ready], start_new_session=True, cwd="/", stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        child.returncode = 0  # reaped by end()
        self.pid = child.pid
        wait_until("the target is ready", ready.exists)

    def criu(self, verb: str, *options: str, pass_fds: tuple[int, ...] = (),
             under: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """under: the command in front of it."""
        more = ["-t", str(self.pid)] if verb == "dump" else []
        return subprocess.run([*under, CRIU, verb, "-D", str(self.images), *more, *options],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL, pass_fds=pass_fds)

    def must(self, verb: str, *options: str, pass_fds: tuple[int, ...] = ()) -> None:
        done = self.criu(verb, *options, pass_fds=pass_fds)
        assert done.returncode == 0, f"criu {verb} {' '.join(options)}: {done.stderr}"

    def refused(self, text: str, verb: str, *options: str) -> None:
        done = self.criu(verb, *options)
        assert done.returncode == 1 and text in done.stderr, f"{done.returncode}: {done.stderr}"

    def dump_away(self, *options: str) -> None:
        self.must("dump", *options)
        os.waitpid(self.pid, 0)

    def says(self) -> str:
        os.kill(self.pid, signal.SIGTERM)
        wait_until("the task says what it found", (self.dir / "said").exists)
        return (self.dir / "said").read_text()

    def says_or_is_gone(self) -> str:
        """After a restore that may have been killed; empty where there is no task."""
        said = self.dir / "said"
        said.unlink(missing_ok=True)
        if self.is_there():
            os.kill(self.pid, signal.SIGTERM)
        wait_until("the task has ended", self.reaped)
        return said.read_text() if said.exists() else ""

    def is_there(self) -> bool:
        return Path(f"/proc/{self.pid}").exists()

    def end(self) -> None:
        if self.pid and self.is_there():
            os.kill(self.pid, signal.SIGKILL)
            wait_until("the task has ended", self.reaped)

    def reaped(self) -> bool:
        try:
            return os.waitpid(self.pid, os.WNOHANG)[0] == self.pid
        except ChildProcessError:
            return not self.is_there()


def run_cases(cases: list[Callable[[Case], None]]) -> int:
    """With the summary line; the exit status."""
    LIBC.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    own_mounts()
    failed = 0
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="files-test-") as name:
        for run in cases:
            case = Case(Path(name) / "case")
            try:
                run(case)
                print(f"PASS {run.__name__}")
            except (AssertionError, OSError, subprocess.SubprocessError) as e:
                failed += 1
                print(f"FAIL {run.__name__}: {e}")
            finally:
                case.end()
    print(f"{len(cases) - failed} passed, {failed} failed, 0 skipped")
    return 1 if failed else 0
