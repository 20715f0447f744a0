# SPDX-License-Identifier: GPL-2.0-only
"""What descriptors hold, found by taking it out; and what becomes of something that is put in."""

from __future__ import annotations

import ctypes
import os
import socket
import struct
from collections.abc import Callable, Iterator
from typing import Any

from .anonymous import call
from .failures import name_of
from .kinds import Kind, borrowed, can_read, can_write, kind_of, nonblocking
from .look import shown_link
from .program import Task
from .sockets import descriptors_in

MANY = 200  # more than there is of anything
PUT = b"after"
INOTIFY_EVENT = struct.Struct("iIII")  # watch, mask, cookie, length of the name


def _until_empty(take: Callable[[], Any]) -> Iterator[Any]:
    """All that there is, and why there is no more."""
    for _ in range(MANY):
        try:
            got = take()
        except OSError as error:
            yield name_of(error)
            return
        yield got
        if got == "":
            return


def _read_file(task: Task, fd: int) -> Any:
    position, size = os.lseek(fd, 0, os.SEEK_CUR), os.fstat(fd).st_size
    return [position, size, os.pread(fd, 10000, 0).hex() if can_read(fd) else "cannot be read"]


def _read_directory(task: Task, fd: int) -> Any:
    return sorted(os.listdir(fd))


def _read_stream(task: Task, fd: int) -> Any:
    return list(_until_empty(lambda: os.read(fd, 4096).hex())) if can_read(fd) else None


def _read_epoll(task: Task, fd: int) -> Any:
    """Twice, as of edges it tells once. The order is that in which they have come about."""
    event = struct.Struct("<IQ")
    buffer = ctypes.create_string_buffer(event.size * MANY)
    times = []
    for _ in range(2):
        number = call("epoll_wait", fd, buffer, MANY, 0)
        times.append(sorted(event.unpack_from(buffer, event.size * i) for i in range(number)))
    return times


def _events(data: bytes) -> Iterator[str]:
    at = 0
    while at < len(data):
        watch, mask, _, length = INOTIFY_EVENT.unpack_from(data, at)
        at += INOTIFY_EVENT.size
        name = data[at : at + length].rstrip(b"\0").decode()
        at += length
        yield f"{watch} {mask:x} {name}"


def _read_inotify(task: Task, fd: int) -> Any:
    data = list(_until_empty(lambda: os.read(fd, 65536)))
    return [event for part in data if isinstance(part, bytes) for event in _events(part)]


def _accept(task: Task, fd: int) -> Any:
    def one() -> str:
        with borrowed(fd) as this:
            connection, name = this.accept()
        task.add(connection.detach())
        return f"a connection from {name!r}"

    return list(_until_empty(one))


def _receive(task: Task, fd: int) -> Any:
    def one() -> Any:
        with borrowed(fd) as this:
            data, ancillary, flags, sender = this.recvmsg(10000, 4096)
        fds = descriptors_in(ancillary)
        links = [shown_link(task.add(received)) for received in fds]
        kinds = [[level, what] for level, what, _ in ancillary]
        return [data.hex(), kinds, links, flags, repr(sender)] if data or ancillary else ""

    return list(_until_empty(one))


READERS: dict[Kind, Callable[[Task, int], Any]] = {
    Kind.FILE: _read_file, Kind.MEMFD: _read_file, Kind.DIRECTORY: _read_directory, Kind.PIPE: _read_stream,
    Kind.EVENTFD: _read_stream, Kind.TIMERFD: _read_stream, Kind.SIGNALFD: _read_stream, Kind.EPOLL: _read_epoll,
    Kind.INOTIFY: _read_inotify, Kind.LISTENER: _accept, Kind.SOCKET: _receive,
}  # fmt: skip


def _write_number(fd: int) -> int:
    os.eventfd_write(fd, 1)
    return 1


def _write(fd: int) -> int:
    return os.write(fd, PUT)


def _send(fd: int) -> int:
    with borrowed(fd) as this:
        return this.sendmsg([PUT], [], socket.MSG_NOSIGNAL)


WRITERS: dict[Kind, Callable[[int], int]] = {
    Kind.FILE: _write, Kind.MEMFD: _write, Kind.PIPE: _write, Kind.EVENTFD: _write_number, Kind.SOCKET: _send,
}  # fmt: skip


def _attempt(fd: int, do: Callable[[], Any]) -> Any:
    try:
        with nonblocking(fd):
            return do()
    except OSError as error:
        return name_of(error)


def settle(task: Task) -> dict[str, Any]:
    """
    No event of inotify stands in a queue: LIMITS, they are lost, and a dump and a restore make some themselves. What was
    there is told.
    """
    there = {}
    for fd in sorted(task.fds):
        if kind_of(fd) is Kind.INOTIFY:
            there[str(fd)] = _attempt(fd, lambda fd=fd: _read_inotify(task, fd))
    return there


def read(task: Task) -> dict[str, Any]:
    """What comes out is added to the descriptors, and left for the next time."""
    found = {}
    for fd in sorted(task.fds):
        reader = READERS.get(kind_of(fd))
        if reader:
            found[str(fd)] = _attempt(fd, lambda fd=fd, reader=reader: reader(task, fd))
    return found


def write(task: Task) -> dict[str, Any]:
    done = {}
    for fd in sorted(task.fds):
        writer = WRITERS.get(kind_of(fd))
        if writer and (kind_of(fd) is Kind.SOCKET or can_write(fd)):
            done[str(fd)] = _attempt(fd, lambda fd=fd, writer=writer: writer(fd))
    return done
