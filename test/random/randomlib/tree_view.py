# SPDX-License-Identifier: GPL-2.0-only
"""What /proc shows of a random tree: while it grows, and in a form that can be compared."""

from __future__ import annotations

import os
import re
import time
from dataclasses import dataclass
from typing import Any

from runner import procstate, tasks

ASLEEP, STOPPED, ZOMBIE, GONE = "S", "T", "Z", "X"
OUTSIDE = "outside"  # of the tree: the test, which is init of its namespace


@dataclass(frozen=True)
class Seen:
    """A task at rest, by names: of its parent, and of those whose pid its process group and its session have."""

    state: str
    parent: str
    group: str
    session: str
    threads: int

    def __str__(self) -> str:
        return f"{self.state}, child of {self.parent}, group {self.group}, session {self.session}, {self.threads} threads"


class Names:
    """Of all tasks that there have ever been in one run: also one that is gone may have given a group its number."""

    def __init__(self) -> None:
        self._by_pid: dict[int, str] = {}

    def add(self, name: str, pid: int) -> None:
        self._by_pid[pid] = name

    def of(self, pid: int) -> str:
        return OUTSIDE if pid == os.getpid() else self._by_pid.get(pid, f"pid {pid}")

    def pids(self) -> dict[str, int]:
        return {name: pid for pid, name in self._by_pid.items()} | {OUTSIDE: os.getpid()}


STATUS = re.compile(r"^(State|PPid|NSpgid|NSsid|Threads|SigPnd|ShdPnd|SigBlk):\t(\w+)", re.MULTILINE)


def _status(place: str) -> dict[str, str]:
    """Of a task or a thread; of one that is gone only that."""
    try:
        with open(f"/proc/{place}/status", encoding="ascii") as status:
            return dict(STATUS.findall(status.read()))
    except OSError:
        return {"State": GONE, "Threads": "0"}


def _sleeps(status: dict[str, str]) -> bool:
    """Or has a signal that wakes it up."""
    if status["State"] != ASLEEP:
        return status["State"] in (STOPPED, ZOMBIE, GONE)
    pending, shared, blocked = (int(status[key], 16) for key in ("SigPnd", "ShdPnd", "SigBlk"))
    return (pending | shared) & ~blocked == 0


def _status_at_rest(pid: int) -> dict[str, str] | None:
    """Nothing will come of itself: all threads sleep or all are stopped, and no signal is under way. Or it is dead."""
    status = _status(str(pid))
    if status["State"] == GONE and "PPid" in status:
        return None  # nobody waits for it, and soon it will not even be seen
    if _has_ended(status):
        return status
    if status["State"] == ZOMBIE or not _sleeps(status):
        return None
    if int(status["Threads"]) > 1:
        others = [_status(f"{pid}/task/{tid}") for tid in tasks.threads(pid)]
        if any(not _sleeps(other) or other["State"] != status["State"] for other in others):
            return None
    return status


def see_at_rest(pids: dict[str, int], names: Names, seconds: float) -> dict[str, Seen]:
    """Of those that are not gone. Raises TimeoutError, with the names of those that do not come to rest."""
    # A zombie is seen a moment before its parent has the signal. This waits for who holds the lock of that.
    os.killpg(os.getpgrp(), 0)
    until = time.monotonic() + seconds
    while True:
        found = {name: _status_at_rest(pid) for name, pid in pids.items()}
        restless = [name for name, status in found.items() if status is None]
        if not restless:
            return {name: _seen(status, names) for name, status in found.items() if status and status["State"] != GONE}
        while any(_status_at_rest(pids[name]) is None for name in restless):
            if time.monotonic() > until:
                raise TimeoutError(f"these are not at rest: {', '.join(restless)}")
            time.sleep(0.0005)


def _seen(status: dict[str, str], names: Names) -> Seen:
    parent, group, session = (names.of(int(status[key])) for key in ("PPid", "NSpgid", "NSsid"))
    return Seen(status["State"], parent, group, session, int(status["Threads"]))


def _has_ended(status: dict[str, str]) -> bool:
    """Of several threads the first may be a zombie before the others: then nobody is told yet."""
    return status["State"] == GONE or (status["State"] == ZOMBIE and status["Threads"] == "1")


def wait_for_end(pid: int, seconds: float) -> bool:
    """Whether it has become a zombie, or is gone."""
    until = time.monotonic() + seconds
    while not _has_ended(_status(str(pid))):
        if time.monotonic() > until:
            return False
        time.sleep(0.0005)
    return True


# A part of a snapshot by its lines, those of these parts by their first word.
BY_KEY = ("stat", "status")


def comparable(snapshot: procstate.Snapshot, names: Names) -> dict[str, Any]:
    """By task and part. The numbers of tasks are the same before a dump and after a restore."""
    found: dict[str, Any] = {}
    for key, text in snapshot.items():
        pid, part = key.split("/", 1)
        lines: Any = text.replace("\0", "\n").splitlines()
        if part.rsplit("/", 1)[-1] in BY_KEY:
            lines = dict((line.partition(" ")[0].rstrip(":"), line.partition(" ")[2]) for line in lines)
        found.setdefault(names.of(int(pid)), {})[part] = lines
    return found


def with_another_stop(seen: dict[str, Seen], look: dict[str, Any]) -> set[str]:
    """
    LIMITS: those that come back stopped by SIGSTOP, whatever had stopped them. The other stop signals do nothing in a group
    where no parent of the session, but not of the group, is left to continue it; nor are they sent where more are pending.
    """
    stopped = {name for name, task in seen.items() if task.state == STOPPED}
    looked_after = {
        task.group for task in seen.values()
        if task.state != ZOMBIE and task.parent in seen
        and seen[task.parent].group != task.group and seen[task.parent].session == task.session
    }  # fmt: skip
    return {name for name in stopped
            if seen[name].group not in looked_after or _has_pending(look["seen"].get(name, {}))}


def _has_pending(task: dict[str, Any]) -> bool:
    return any(int(values.get(key, "0"), 16) for part, values in task.items() if part.rsplit("/", 1)[-1] == "status"
               for key in ("SigPnd", "ShdPnd"))
