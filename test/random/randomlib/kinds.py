# SPDX-License-Identifier: GPL-2.0-only
"""What kind of thing a descriptor is, told by the kernel: one that came through a socket is known like any other."""

from __future__ import annotations

import fcntl
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto

from .exchange import WORK


class Kind(Enum):
    FILE = auto()  # that the program has made
    DIRECTORY = auto()  # the same
    MEMORY_DEVICE = auto()  # /dev/null and the like
    SYSTEM = auto()  # any other file or directory that the program has not made
    PIPE = auto()  # with a name or without
    EVENTFD = auto()
    TIMERFD = auto()
    SIGNALFD = auto()
    EPOLL = auto()
    INOTIFY = auto()
    MEMFD = auto()
    PIDFD = auto()
    SOCKET = auto()
    LISTENER = auto()  # a socket that listens
    PATH = auto()  # opened with O_PATH


ANONYMOUS = {
    "[eventfd]": Kind.EVENTFD, "[timerfd]": Kind.TIMERFD, "[signalfd]": Kind.SIGNALFD, "[eventpoll]": Kind.EPOLL,
    "inotify": Kind.INOTIFY, "[pidfd]": Kind.PIDFD,
}  # fmt: skip


def link_of(fd: int) -> str:
    return os.readlink(f"/proc/self/fd/{fd}")


@contextmanager
def borrowed(fd: int) -> Iterator[socket.socket]:
    """The descriptor as a socket, which is not closed at the end."""
    this = socket.socket(fileno=fd)
    try:
        yield this
    finally:
        this.detach()


@contextmanager
def nonblocking(fd: int) -> Iterator[None]:
    """Nothing that is done meanwhile waits."""
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    fcntl.fcntl(fd, fcntl.F_SETFL, flags | os.O_NONBLOCK)
    try:
        yield
    finally:
        fcntl.fcntl(fd, fcntl.F_SETFL, flags)


def _socket_kind(fd: int) -> Kind:
    with borrowed(fd) as this:
        return Kind.LISTENER if this.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) else Kind.SOCKET


def kind_of(fd: int) -> Kind:
    if fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_PATH:
        return Kind.PATH
    link, mode = link_of(fd), os.fstat(fd).st_mode
    if link.startswith("anon_inode:"):
        return ANONYMOUS[link.partition(":")[2]]
    if link.startswith("pidfd:"):  # newer kernels have a file system of them
        return Kind.PIDFD
    if stat.S_ISSOCK(mode):
        return _socket_kind(fd)
    if stat.S_ISFIFO(mode):
        return Kind.PIPE
    if link.startswith("/memfd:"):
        return Kind.MEMFD
    if stat.S_ISCHR(mode):
        return Kind.MEMORY_DEVICE
    if f"/{WORK}/" not in link:
        return Kind.SYSTEM
    return Kind.DIRECTORY if stat.S_ISDIR(mode) else Kind.FILE


def can_read(fd: int) -> bool:
    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_WRONLY


def can_write(fd: int) -> bool:
    return fcntl.fcntl(fd, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY
