# SPDX-License-Identifier: GPL-2.0-only
"""What all cases stand on: the target, runs of criu, and the look at what is left behind."""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import shutil
import signal
import struct
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Callable, Iterator

from isolation import next_pids_within
from processes import wait_within

COUNTERS = 3  # the root's two threads, and its child
COMPLAINT = 1024  # where in the file of counters the target says what is wrong
CRIU_TIMEOUT = 10.0  # seconds; what takes longer hangs
SETTLE_TIMEOUT = 5.0
# A restore needs the pids of the target, so nobody else is given them: not criu, of whose runs there are many.
TARGET_PIDS = range(500, 900)
OTHER_PIDS = range(1000, 30000)
# Texts of C++'s own exceptions tell a user nothing.
NO_SENTENCE = re.compile(r"std::|::at\b|_M_|basic_string|bad_alloc|vector|optional|Success$")


class Failed(Exception):
    pass


class Skipped(Exception):
    pass


def segments_left() -> list[int]:
    """Those that nobody has attached, by id."""
    lines = [line.split() for line in Path("/proc/sysvipc/shm").read_text().splitlines()[1:]]
    return [int(words[1]) for words in lines if words[6] == "0"]


def remove_segments() -> None:
    for segment in segments_left():
        ctypes.CDLL(None).shmctl(segment, 0, None)  # IPC_RMID


def children_of(pid: int | str) -> set[int]:
    found = set()
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        try:
            found |= {int(word) for word in file.read_text().split()}
        except (FileNotFoundError, ProcessLookupError):
            pass
    return found


def thread_states(pid: int) -> set[str]:
    return {stat.read_text().rpartition(")")[2].split()[0] for stat in Path(f"/proc/{pid}/task").glob("*/stat")}


def status_field(pid: int, name: str) -> str:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return line.split(None, 1)[1]
    raise Failed(f"/proc/{pid}/status has no {name}")


def listing(directory: Path) -> set[str]:
    return {str(p.relative_to(directory)) for p in directory.rglob("*")}


@dataclass
class Outcome:
    status: int
    text: str

    def errors(self) -> list[str]:
        found = re.findall(r"(?:^\([\d.]+\)(?: +\d+:)? Error |^Error: )(.*)$", self.text, re.M)
        return [e for e in found if not e.endswith(" FAILED.")]

    def must_refuse(self, pattern: str, exactly_one: bool = False) -> None:
        """Exit status 1 and a sentence that matches."""
        if self.status != 1:
            how = f"signal {-self.status}" if self.status < 0 else f"status {self.status}"
            raise Failed(f"criu ended with {how} where 1 is due: {self.text[-300:]!r}")
        errors = self.errors()
        # Each of two restored tasks may say what failed, and the coordinator that something did.
        if not 1 <= len(errors) <= (1 if exactly_one else 3):
            raise Failed(f"{len(errors)} error lines: {errors}")
        for e in errors:
            if NO_SENTENCE.search(e) or len(e) < 15:
                raise Failed(f"that is no clear sentence: {e!r}")
        if not any(re.search(pattern, e) for e in errors):
            raise Failed(f"no error matches {pattern!r}: {errors}")


@dataclass
class Bench:
    """
    The directories and programs that cases use, and the processes that are known to be there. Of the first process of a
    pid namespace: whatever is orphaned becomes its child, and is found.
    """

    criu: Path
    program: Path
    home: Path
    seed: int
    known: set[int] = field(default_factory=set)
    _serial: int = 0

    def fresh(self, name: str) -> Path:
        self._serial += 1
        directory = self.home / f"{name}-{self._serial}"
        directory.mkdir()
        return directory

    def strangers(self) -> set[int]:
        """Children that nobody is to have left, zombies included."""
        return children_of("self") - self.known

    def run(self, *args: str | Path, timeout: float = CRIU_TIMEOUT) -> Outcome:
        return self.run_command([self.criu, *args], timeout)

    def run_command(self, command: list[str | Path], timeout: float = CRIU_TIMEOUT) -> Outcome:
        log = self.home / "criu.log"
        next_pids_within(OTHER_PIDS)
        with log.open("wb") as out:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, cwd=self.home,
            )
            try:
                status = wait_within(process, timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                self.kill_strangers()
                raise Failed(f"criu hangs: {log.read_text(errors='replace')[-300:]!r}") from None
        return Outcome(status, log.read_text(errors="replace"))

    def kill_strangers(self) -> None:
        deadline = time.monotonic() + SETTLE_TIMEOUT
        while pids := self.strangers():
            for pid in pids:
                os.kill(pid, signal.SIGKILL)
            for pid in pids:
                # Only when it is dead its children come here.
                while os.waitpid(pid, os.WNOHANG) == (0, 0):
                    if time.monotonic() > deadline:
                        raise Failed(f"task {pid} does not end by SIGKILL")
                    time.sleep(0.001)

    def must_leave_nothing(self) -> None:
        left = self.strangers()
        if left:
            states = [f"{p} ({status_field(p, 'State')})" for p in sorted(left)]
            self.kill_strangers()
            raise Failed(f"left behind: {', '.join(states)}")
        if segments := segments_left():
            remove_segments()
            raise Failed(f"segments are left behind: {segments}")


class Target:
    """The tree that is dumped, in a session of its own."""

    def __init__(self, bench: Bench, *options: str) -> None:
        self.bench = bench
        self.home = bench.fresh("target")
        (self.home / "counters").write_bytes(bytes(mmap.PAGESIZE))
        (self.home / "data").write_text("data of a file\n")
        self._file = (self.home / "counters").open("r+b")
        self._map = mmap.mmap(self._file.fileno(), mmap.PAGESIZE)
        next_pids_within(TARGET_PIDS)
        self._process = subprocess.Popen(
            [bench.program, self.home, *options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True,
        )
        self.pid = self._process.pid
        bench.known.add(self.pid)
        self.must_go_on()
        (self.child,) = children_of(self.pid)
        self.files = listing(self.home)

    def counters(self) -> list[int]:
        return list(struct.unpack_from(f"{COUNTERS}Q", self._map))

    def complaint(self) -> str:
        return self._map[COMPLAINT:].split(b"\0")[0].decode(errors="replace")

    def counts_on(self, timeout: float = SETTLE_TIMEOUT) -> bool:
        before = self.counters()
        deadline = time.monotonic() + timeout
        while not all(b > a for a, b in zip(before, self.counters())):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.001)
        return True

    def must_go_on(self) -> None:
        if not self.counts_on():
            raise Failed(f"the target does not go on: {self.counters()} {self.complaint()}")

    def stop(self) -> None:
        """Until none of its threads runs any more: a signal that has been sent is not one that has come."""
        deadline = time.monotonic() + SETTLE_TIMEOUT
        for pid in (self.pid, self.child):
            os.kill(pid, signal.SIGSTOP)
        while any(thread_states(pid) != {"T"} for pid in (self.pid, self.child)):
            if time.monotonic() > deadline:
                raise Failed("the target does not stop")
            time.sleep(0.001)

    def maps(self) -> list[str]:
        return [line for pid in (self.pid, self.child)
                for line in Path(f"/proc/{pid}/maps").read_text().splitlines()]

    def must_be_untouched(self, maps: list[str]) -> None:
        self.must_go_on()
        for pid in (self.pid, self.child):
            if status_field(pid, "TracerPid") != "0":
                raise Failed(f"task {pid} is still traced")
            if status_field(pid, "State")[0] in "Tt":
                raise Failed(f"task {pid} is stopped")
        now = self.maps()
        if now != maps:
            raise Failed(f"mappings have changed: {sorted(set(now) ^ set(maps))}")
        if listing(self.home) != self.files:
            raise Failed(f"files were left: {listing(self.home) ^ self.files}")

    def is_complete(self) -> bool:
        """All tasks of a restored tree are there and let go, and the restorer has gone."""
        try:
            if children_of(self.pid) != {self.child}:
                return False
            if any(status_field(p, "TracerPid") != "0" for p in (self.pid, self.child)):
                return False
            return not any("rwxp" in line for line in self.maps())
        except (FileNotFoundError, ProcessLookupError):
            return False

    def runs_complete(self) -> bool:
        """And all of its threads run at this moment: on a busy machine they may not, for a while."""
        try:
            return self.is_complete() and self.counts_on(0.2)
        except (FileNotFoundError, ProcessLookupError):
            return False

    def settles(self) -> bool:
        deadline = time.monotonic() + SETTLE_TIMEOUT
        while not self.runs_complete():
            if time.monotonic() > deadline:
                return False
        return True

    def forget(self) -> None:
        """A dump has ended it."""
        wait_within(self._process, SETTLE_TIMEOUT)
        self.bench.known.discard(self.pid)

    def destroy(self) -> None:
        if self.pid in self.bench.known:
            self._process.kill()
            self._process.wait()
            self.bench.known.discard(self.pid)
        self.bench.kill_strangers()


@dataclass(frozen=True)
class Case:
    name: str
    run: Callable[[], str | None]


Cases = Iterator[Case]


def copy_images(bench: Bench, images: Path) -> Path:
    to = bench.fresh("img")
    for file in images.iterdir():
        shutil.copyfile(file, to / file.name)
    return to
