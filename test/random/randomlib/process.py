# SPDX-License-Identifier: GPL-2.0-only
"""A task of a random tree: it does what it is told, one thing at a time. `growth` chooses, and tells it."""

from __future__ import annotations

import ctypes
import os
import signal
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .exchange import COMMAND, ROOT, answer_commands, put, ready_file
from .failures import name_of

LIBC = ctypes.CDLL(None, use_errno=True)
# It keeps the interpreter's lock, as os.fork() does.
LIBC_WITH_LOCK = ctypes.PyDLL(None, use_errno=True)
# What a thread waits for, with no need of the interpreter's lock: who waits for that looks as if it were at rest.
NEVER_FREE = ctypes.create_string_buffer(64)  # a pthread_mutex_t, and zeros are its first value
SYS_CLONE, SYS_TGKILL = 56, 234  # x86_64
PR_SET_PDEATHSIG, PR_GET_PDEATHSIG, PR_SET_CHILD_SUBREAPER, PR_GET_CHILD_SUBREAPER = 1, 2, 36, 37
WALL = 0x40000000  # waitpid(2): children with another exit signal, too

# What the program sends. Ignored at first, and by some tasks blocked, so that none is killed by them.
SENT = (signal.SIGUSR1, signal.SIGUSR2, signal.SIGRTMIN + 1)
# The kernel sends it, with SIGCONT, to stopped tasks of a group that nobody is left to look after.
IGNORED = (*SENT, signal.SIGHUP)
BLOCKED = (*SENT, signal.SIGCHLD)  # at times
DISPOSITIONS: dict[str, Any] = {
    "ignored": signal.SIG_IGN, "default": signal.SIG_DFL, "handled": lambda number, frame: None,
}  # fmt: skip


class Process:
    def __init__(self, home: Path, name: str) -> None:
        self._home, self._name = home, name

    def live(self) -> None:
        answer_commands(self._home, self._name, self._obey)

    def _obey(self, command: str, *arguments: Any) -> Any:
        try:
            return COMMANDS[command](self, *arguments)
        except OSError as error:
            return name_of(error)

    def fork(self, name: str, exit_signal: int) -> int:
        pid = os.fork() if exit_signal == signal.SIGCHLD else _clone(exit_signal)
        if pid == 0:
            self._live_as(name)
        return pid

    def _live_as(self, name: str) -> None:
        """Does not return."""
        try:
            Process(self._home, name).live()
        except BaseException:
            traceback.print_exc()
        os._exit(1)

    def exit(self, status: int) -> None:
        os._exit(status)

    def setsid(self) -> None:
        os.setsid()

    def setpgid(self, pid: int, group: int) -> None:
        os.setpgid(pid, group)

    def be_subreaper(self, on: int) -> None:
        _prctl(PR_SET_CHILD_SUBREAPER, on)

    def set_death_signal(self, number: int) -> None:
        _prctl(PR_SET_PDEATHSIG, number)

    def start_thread(self) -> None:
        number = LIBC.pthread_create(ctypes.byref(ctypes.c_ulong()), None, LIBC.pthread_mutex_lock, NEVER_FREE)
        if number != 0:
            raise OSError(number, "pthread_create")

    def send(self, pid: int, number: int) -> None:
        os.kill(pid, number)

    def send_to_thread(self, number: int) -> None:
        """To its only, or first one: not to the process."""
        LIBC.syscall(SYS_TGKILL, os.getpid(), os.getpid(), number)

    def block(self, number: int, on: bool) -> None:
        signal.pthread_sigmask(signal.SIG_BLOCK if on else signal.SIG_UNBLOCK, [number])

    def dispose(self, number: int, disposition: str) -> None:
        signal.signal(number, DISPOSITIONS[disposition])

    def reap(self, pid: int) -> str:
        _, status = os.waitpid(pid, WALL)
        return f"status {status:#x}"

    def look(self) -> dict[str, int]:
        """What /proc does not show."""
        return {"is subreaper": _asked(PR_GET_CHILD_SUBREAPER), "death signal": _asked(PR_GET_PDEATHSIG)}

    def wait(self) -> list[str]:
        """
        For all that have ended or stopped. Not for those that were continued (WCONTINUED): LIMITS, a restore does not tell
        that anew.
        """
        found = []
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG | os.WUNTRACED | WALL)
            except ChildProcessError:
                return [*found, "there is no other child"]
            if pid == 0:
                return found
            found.append(f"pid {pid} status {status:#x}")

    def take(self) -> list[str]:
        """
        The signals that are pending, in the order in which they come. Of SIGCHLD not from whom: several children may be
        continued at once, and only the first to tell of it is heard.
        """
        blocked = [number for number in signal.pthread_sigmask(signal.SIG_BLOCK, []) if number != COMMAND]
        taken = []
        while blocked and (info := signal.sigtimedwait(blocked, 0)):
            sender = f"code {info.si_code}, pid {info.si_pid}, user {info.si_uid}, status {info.si_status:#x}"
            taken.append(f"signal {info.si_signo}" + (f", {sender}" if info.si_signo != signal.SIGCHLD else ""))
        return taken


COMMANDS: dict[str, Callable[..., Any]] = {
    act.__name__: act
    for act in (
        Process.fork, Process.exit, Process.setsid, Process.setpgid, Process.be_subreaper, Process.set_death_signal,
        Process.start_thread, Process.send, Process.send_to_thread, Process.block, Process.dispose, Process.reap,
        Process.look, Process.wait, Process.take,
    )
}  # fmt: skip


def _clone(exit_signal: int) -> int:
    """fork(2) with another signal to the parent at the end, as os.fork() does it."""
    ctypes.pythonapi.PyOS_BeforeFork()
    pid: int = LIBC_WITH_LOCK.syscall(SYS_CLONE, exit_signal, 0, 0, 0, 0)
    if pid == 0:
        ctypes.pythonapi.PyOS_AfterFork_Child()
    else:
        ctypes.pythonapi.PyOS_AfterFork_Parent()
    if pid < 0:
        raise OSError(ctypes.get_errno(), "clone")
    return pid


def _prctl(what: int, value: int) -> None:
    if LIBC.prctl(what, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def _asked(what: int) -> int:
    value = ctypes.c_int()
    if LIBC.prctl(what, ctypes.byref(value), 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    return value.value


def begin_tree(home: Path) -> None:
    """The root of the tree, which then grows."""
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [COMMAND])
    LIBC.pthread_mutex_lock(NEVER_FREE)
    put(ready_file(home, ROOT), {"pid": os.getpid(), "log": []})
    Process(home, ROOT).live()
