# SPDX-License-Identifier: GPL-2.0-only
"""Tasks below this process: finding them, waiting for their end, ending them. All by pid."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import time
from collections.abc import Iterable

PR_SET_CHILD_SUBREAPER = 36

libc = ctypes.CDLL(None, use_errno=True)


def become_subreaper() -> None:
    """Tests and restored trees, once their starters have left, become children of this process."""
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "PR_SET_CHILD_SUBREAPER")


def threads(pid: int) -> list[int]:
    try:
        return sorted(int(tid) for tid in os.listdir(f"/proc/{pid}/task"))
    except OSError:
        return []


def children(pid: int) -> list[int]:
    """Children of all threads of the task, zombies too."""
    found: list[int] = []
    for tid in threads(pid):
        try:
            with open(f"/proc/{pid}/task/{tid}/children", encoding="ascii") as listing:
                found += [int(word) for word in listing.read().split()]
        except OSError:
            continue  # the thread has just left
    return sorted(found)


def tree(root: int) -> list[int]:
    """The task and everything below it, parents before children."""
    found = [root]
    for pid in found:
        found += children(pid)
    return found


def below(pid: int, but: Iterable[int] = ()) -> list[int]:
    """Everything below the task but not the task, and without the subtrees of BUT."""
    out: list[int] = []
    for child in children(pid):
        if child not in but:
            out += tree(child)
    return out


class Handles:
    """pidfds of a set of tasks: their end can be waited for though they are not our children."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._fds: dict[int, int] = {}
        for pid in pids:
            try:
                self._fds[pid] = os.pidfd_open(pid)
            except ProcessLookupError:
                continue

    def __enter__(self) -> Handles:
        return self

    def __exit__(self, *_: object) -> None:
        for fd in self._fds.values():
            os.close(fd)
        self._fds.clear()

    def wait(self, timeout: float) -> list[int]:
        """Waits until all have ended (zombies have). The pids that still run after TIMEOUT s."""
        deadline = time.monotonic() + timeout
        poll = select.poll()
        running = {fd: pid for pid, fd in self._fds.items()}
        for fd in running:
            poll.register(fd, select.POLLIN)
        while running:
            left = deadline - time.monotonic()
            if left <= 0:
                break
            for fd, _ in poll.poll(left * 1000):
                poll.unregister(fd)
                running.pop(fd)
        return sorted(running.values())

    def kill(self) -> None:
        for fd in self._fds.values():
            try:
                signal.pidfd_send_signal(fd, signal.SIGKILL)
            except ProcessLookupError:
                pass


def reap(pid: int) -> int | None:
    """Collects a dead child; its wait status, None if it is no (dead) child of ours."""
    try:
        got, status = os.waitpid(pid, os.WNOHANG)
    except ChildProcessError:
        return None
    return status if got == pid else None


def reap_all(pids: Iterable[int]) -> None:
    """Collects dead tasks of one tree, parents first, so that children have come to us."""
    for pid in pids:
        reap(pid)


def kill_below(but: Iterable[int] = ()) -> list[int]:
    """Kills and collects everything below this process but BUT. The pids that were there."""
    seen: list[int] = []
    for _ in range(10):  # a task may fork while we look
        pids = below(os.getpid(), but)
        if not pids:
            break
        seen += [pid for pid in pids if pid not in seen]
        with Handles(pids) as handles:
            handles.kill()
            handles.wait(10)
        reap_all(pids)
    return seen
