# SPDX-License-Identifier: GPL-2.0-only
"""Operations on what the kernel has no file for: events, timers, signals, epoll sets, inotify, pidfds."""

from __future__ import annotations

import ctypes
import os
import select
import signal
import struct

from .exchange import COMMAND
from .kinds import Kind
from .program import Task, operation

LIBC = ctypes.CDLL(None, use_errno=True)
# CLOCK_*: REALTIME, MONOTONIC, BOOTTIME, REALTIME_ALARM, BOOTTIME_ALARM
CLOCKS = (0, 1, 7, 8, 9)
# What a task must be able to get by itself. (In the mask signal N is bit N-1.)
NOT_BY_SIGNALFD = sum(1 << (number - 1) for number in (signal.SIGKILL, signal.SIGSTOP, COMMAND))
EPOLL_CTL_ADD, EPOLL_CTL_DEL, EPOLL_CTL_MOD = 1, 2, 3
IN, PRI, OUT = select.EPOLLIN, select.EPOLLPRI, select.EPOLLOUT
EPOLLWAKEUP = 1 << 29
WATCHED_EVENTS = (
    0, IN, OUT, IN | OUT, IN | select.EPOLLRDHUP, IN | PRI, IN | select.EPOLLET, IN | OUT | select.EPOLLONESHOT,
    IN | select.EPOLLEXCLUSIVE, IN | EPOLLWAKEUP,
)  # fmt: skip
IN_ONESHOT, IN_ONLYDIR, IN_EXCL_UNLINK, IN_MASK_ADD = 0x80000000, 0x1000000, 0x4000000, 0x20000000
# But for IN_ATTRIB: where a watched file has lost a name that --link-remap gave it back for a moment, the restored
# watch tells of the end of that.
ALL_EVENTS = 0xFFF & ~0x4
IN_MODIFY, IN_CREATE, IN_MOVES, IN_CLOSE_WRITE = 0x2, 0x100, 0xC0, 0x8
INOTIFY_MASKS = (
    ALL_EVENTS, IN_MODIFY, IN_CREATE, IN_CLOSE_WRITE, ALL_EVENTS | IN_EXCL_UNLINK, IN_MODIFY | IN_MASK_ADD,
    IN_CREATE | IN_MOVES | IN_ONESHOT, ALL_EVENTS | IN_ONLYDIR,
)  # fmt: skip


def call(name: str, *arguments: object) -> int:
    result: int = getattr(LIBC, name)(*arguments)
    if result < 0:
        raise OSError(ctypes.get_errno(), name)
    return result


def tells_of_semaphores(fd: int) -> bool:
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as info:
        return "eventfd-semaphore" in info.read()


@operation(files=1, sockets=0.3)
def make_eventfd(task: Task) -> None:
    flags = task.rng.choice((0, os.EFD_NONBLOCK, os.EFD_SEMAPHORE, os.EFD_NONBLOCK | os.EFD_SEMAPHORE, os.EFD_CLOEXEC))
    fd = task.add(os.eventfd(task.rng.choice((0, 1, 7, 1000000)), flags))
    if task.chance(0.5):
        os.eventfd_write(fd, task.rng.choice((1, 1 << 40)))
    # LIMITS: before Linux 6.7 the kernel does not tell that it is one, and it comes back as a counter.
    if flags & os.EFD_SEMAPHORE and not tells_of_semaphores(fd):
        task.close(fd)


@operation(files=1, sockets=0.2)
def make_timerfd(task: Task) -> None:
    """
    Off, run out, or to run out when all is over. LIMITS: one that was set to a point in time (TFD_TIMER_ABSTIME) is
    told afterwards to have been set to a duration.
    """
    fd = task.add(call("timerfd_create", task.rng.choice(CLOCKS), task.rng.choice((0, os.O_NONBLOCK, os.O_CLOEXEC))))
    state = task.rng.choice(("off", "over", "armed", "armed"))
    if state == "off":
        return
    interval, seconds, nanoseconds = 0, 0, 1
    if state == "armed":
        interval, seconds, nanoseconds = task.rng.choice((0, 1000)), task.rng.choice((5000, 100000)), 0
    call("timerfd_settime", fd, 0, (ctypes.c_long * 4)(interval, 0, seconds, nanoseconds), None)
    if state == "over":
        select.select([fd], [], [], 1)


@operation(files=0.7, sockets=0.2)
def make_signalfd(task: Task) -> None:
    mask = (ctypes.c_ulong * 16)(task.rng.getrandbits(64) & ~NOT_BY_SIGNALFD)
    task.add(call("signalfd", -1, mask, task.rng.choice((0, os.O_NONBLOCK))))


@operation(files=1.2, sockets=0.5)
def make_epoll(task: Task) -> None:
    task.add(call("epoll_create1", task.rng.choice((0, os.O_CLOEXEC))))


def _epoll_ctl(task: Task, what: int, events: int) -> None:
    event = struct.pack("<IQ", events, task.rng.getrandbits(64))
    epoll, fd = task.pick(Kind.EPOLL), task.pick()
    call("epoll_ctl", epoll, what, fd, ctypes.c_char_p(event))


@operation(files=3, sockets=1.5)
def add_to_epoll(task: Task) -> None:
    _epoll_ctl(task, EPOLL_CTL_ADD, task.rng.choice(WATCHED_EVENTS))


@operation(files=1, sockets=0.5)
def change_epoll(task: Task) -> None:
    _epoll_ctl(task, task.rng.choice((EPOLL_CTL_MOD, EPOLL_CTL_DEL)), task.rng.choice((IN, OUT, IN | OUT)))


@operation(files=1.2)
def make_inotify(task: Task) -> None:
    task.add(call("inotify_init1", task.rng.choice((0, os.O_NONBLOCK))))


@operation(files=2)
def watch_by_inotify(task: Task) -> None:
    """What is in the directory of all files; that itself would tell of the names that --link-remap gives for a moment."""
    fd = task.pick(Kind.INOTIFY)
    path = task.work / task.rng.choice(sorted(os.listdir(task.work)) or ["none"])
    call("inotify_add_watch", fd, os.fsencode(path), task.rng.choice(INOTIFY_MASKS))


@operation(files=0.5)
def unwatch_by_inotify(task: Task) -> None:
    call("inotify_rm_watch", task.pick(Kind.INOTIFY), task.rng.choice((1, 2)))


@operation(files=0.8, sockets=0.2)
def make_pidfd(task: Task) -> None:
    pids = [os.getpid(), *task.children]
    if len(task.name) > 1:
        pids.append(os.getppid())
    task.add(os.pidfd_open(task.rng.choice(pids), task.rng.choice((0, os.O_NONBLOCK))))
