# SPDX-License-Identifier: GPL-2.0-only
"""Operations on UNIX sockets: names, connections, messages, descriptors on their way, options."""

from __future__ import annotations

import array
import ctypes
import os
import socket
import struct

from .kinds import Kind, borrowed, kind_of, link_of, nonblocking
from .program import Address, Nothing, Task, operation

STREAM, DGRAM, SEQPACKET = socket.SOCK_STREAM, socket.SOCK_DGRAM, socket.SOCK_SEQPACKET
TYPES = (STREAM, DGRAM, SEQPACKET)
# Options of SOL_SOCKET that take an int. Python has not all of the names.
INT_OPTIONS = {
    "SO_REUSEADDR": 2, "SO_DONTROUTE": 5, "SO_BROADCAST": 6, "SO_SNDBUF": 7, "SO_RCVBUF": 8, "SO_KEEPALIVE": 9,
    "SO_OOBINLINE": 10, "SO_NO_CHECK": 11, "SO_PRIORITY": 12, "SO_REUSEPORT": 15, "SO_PASSCRED": 16,
    "SO_RCVLOWAT": 18, "SO_TIMESTAMP": 29, "SO_PASSSEC": 34, "SO_TIMESTAMPNS": 35, "SO_MARK": 36,
    "SO_TIMESTAMPING": 37, "SO_RXQ_OVFL": 40, "SO_WIFI_STATUS": 41, "SO_PEEK_OFF": 42, "SO_NOFCS": 43,
    "SO_LOCK_FILTER": 44, "SO_SELECT_ERR_QUEUE": 45, "SO_BUSY_POLL": 46, "SO_ZEROCOPY": 60, "SO_TXTIME": 61,
    "SO_TIMESTAMP_NEW": 63, "SO_TIMESTAMPNS_NEW": 64, "SO_PREFER_BUSY_POLL": 69, "SO_BUSY_POLL_BUDGET": 70,
    "SO_BUF_LOCK": 72, "SO_RESERVE_MEM": 73, "SO_TXREHASH": 74, "SO_RCVMARK": 75, "SO_PASSPIDFD": 76,
    "SO_RCVPRIORITY": 82, "SO_PASSRIGHTS": 83,
}  # fmt: skip
# A connection that waits to be accepted has these from the socket that listens; a restored one has not.
NOT_TO_LISTENERS = {"SO_PASSCRED", "SO_PASSSEC", "SO_PASSRIGHTS"}
SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO, SO_BINDTODEVICE, SO_ATTACH_FILTER = 13, 20, 21, 25, 26
BPF_RET_K = 6


def new_socket(task: Task, kind: int) -> int:
    flags = task.rng.choice((0, socket.SOCK_NONBLOCK, socket.SOCK_CLOEXEC))
    return task.add(socket.socket(socket.AF_UNIX, kind | flags).detach())


@operation(sockets=1.5)
def make_pair(task: Task) -> None:
    flags = task.rng.choice((0, socket.SOCK_NONBLOCK, socket.SOCK_CLOEXEC))
    for end in socket.socketpair(socket.AF_UNIX, task.rng.choice(TYPES) | flags):
        task.add(end.detach())


def _new_address(task: Task) -> str:
    """In the namespace of the test abstract names are the program's own, if they have the task's home in them."""
    path = task.new_path("-socket")
    abstract = f"\0{task.home.parent.name}/{task.home.name}/"
    name = task.new_name()
    return task.rng.choice((path, path, os.path.relpath(path), abstract + name, abstract + name.replace("-", "\0")))


@operation(sockets=1.5)
def make_socket(task: Task) -> None:
    kind = task.rng.choice(TYPES)
    fd = new_socket(task, kind)
    if task.chance(0.2):
        return
    name = "" if task.chance(0.1) else _new_address(task)  # for no name the kernel chooses one
    with borrowed(fd) as this:
        this.bind(name)
        listens = kind != DGRAM and task.chance(0.9)
        if listens:
            this.listen(task.rng.choice((0, 1, 5)))
        if name and (listens or kind == DGRAM):
            task.addresses.append(Address(kind, name))
    if name and not name.startswith("\0") and task.chance(0.2):
        os.unlink(name)


def _some_address(task: Task) -> Address:
    if not task.addresses:
        raise Nothing
    return task.rng.choice(task.addresses)


@operation(sockets=2.5)
def connect_new(task: Task) -> None:
    to = _some_address(task)
    fd = new_socket(task, to.type)
    with borrowed(fd) as this, nonblocking(fd):
        if task.chance(0.2):
            this.bind(_new_address(task))
        this.connect(to.name)


def has_peer(fd: int) -> bool:
    with borrowed(fd) as this:
        try:
            this.getpeername()
        except OSError:
            return False
        return True


@operation(sockets=1)
def connect_again(task: Task) -> None:
    fd, to = task.pick(Kind.SOCKET), _some_address(task)
    with borrowed(fd) as this, nonblocking(fd):
        this.connect(to.name)


@operation(sockets=3)
def accept(task: Task) -> None:
    fd = task.pick(Kind.LISTENER)
    with borrowed(fd) as this, nonblocking(fd):
        connection, _ = this.accept()
    task.add(connection.detach())


def may_travel(fd: int) -> bool:
    """
    LIMITS: pidfds and files of /proc/PID that are under way in a socket are refused. Sockets that wait in each other's
    queues are thrown away by the kernel when it comes to that: only new ones are sent, in which nothing waits that they
    are sent by.
    """
    stay = (Kind.PIDFD, Kind.SOCKET, Kind.LISTENER)
    return kind_of(fd) not in stay and not link_of(fd).startswith("/proc")


def _send(task: Task, fd: int, fds: list[int]) -> None:
    """No urgent data, and no empty message: LIMITS."""
    ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    flags = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL | task.rng.choice((0, 0, socket.MSG_MORE, socket.MSG_EOR))
    with borrowed(fd) as this:
        this.sendmsg([task.data((1, 10, 3000))], ancillary, flags)


@operation(sockets=3)
def send(task: Task) -> None:
    _send(task, task.pick(Kind.SOCKET), [])


@operation(sockets=1.5)
def send_descriptors(task: Task) -> None:
    fds = [task.pick(that=may_travel) for _ in range(task.rng.choice((1, 1, 3)))]
    _send(task, task.pick(Kind.SOCKET), fds)


@operation(sockets=1)
def send_sockets(task: Task) -> None:
    """New ones with something in their queues; one end or both are only under way afterwards."""
    by = task.pick(Kind.SOCKET)
    one, other = (end.detach() for end in socket.socketpair(socket.AF_UNIX, task.rng.choice(TYPES)))
    sent, kept = ([one, other], []) if task.chance(0.3) else ([one], [other])
    try:
        if task.chance(0.7):
            _send(task, other, [task.pick(that=may_travel)] if task.chance(0.5) else [])
        _send(task, by, sent)
    finally:
        for fd in sent:
            os.close(fd)
        for fd in kept:
            task.add(fd)


@operation(sockets=1)
def send_to(task: Task) -> None:
    fd, to = task.pick(Kind.SOCKET), _some_address(task)
    with borrowed(fd) as this:
        this.sendto(task.data((1, 100)), socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL, to.name)


def descriptors_in(ancillary: list[tuple[int, int, bytes]]) -> list[int]:
    """Those that a message has brought, pidfds of its sender as well."""
    scm_pidfd = 4
    found: list[int] = []
    for level, what, data in ancillary:
        if level == socket.SOL_SOCKET and what in (socket.SCM_RIGHTS, scm_pidfd):
            found += [number for (number,) in struct.iter_unpack("i", data[: len(data) // 4 * 4])]
    return [fd for fd in found if fd >= 0]


@operation(sockets=1.5)
def receive(task: Task) -> None:
    fd = task.pick(Kind.SOCKET)
    with borrowed(fd) as this:
        _, ancillary, _, _ = this.recvmsg(task.rng.choice((1, 5, 10000)), 4096, socket.MSG_DONTWAIT)
    for received in descriptors_in(ancillary):
        task.add(received)


@operation(sockets=0.7)
def shut_down(task: Task) -> None:
    """
    Not before it is connected: who accepts the connection does not hear of it then, but does after a restore that has
    made the connection anew.
    """
    with borrowed(task.pick(Kind.SOCKET, that=has_peer)) as this:
        this.shutdown(task.rng.choice((socket.SHUT_RD, socket.SHUT_WR, socket.SHUT_RDWR)))


@operation(sockets=3)
def set_option(task: Task) -> None:
    fd, name = task.pick(Kind.SOCKET, Kind.LISTENER), task.rng.choice(sorted(INT_OPTIONS))
    if name in NOT_TO_LISTENERS and kind_of(fd) is Kind.LISTENER:
        raise Nothing
    value = task.rng.choice((0, 1, 1, 2, 5, 64, 1000, 100000))
    if name == "SO_SNDBUF":
        # A restored message may have another sender, in whose buffer it counts: it must not matter whether there is room.
        value += 100000
    with borrowed(fd) as this:
        this.setsockopt(socket.SOL_SOCKET, INT_OPTIONS[name], value)


@operation(sockets=0.7)
def set_structured_option(task: Task) -> None:
    option = task.rng.choice((SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO, SO_BINDTODEVICE))
    value = {
        SO_LINGER: struct.pack("ii", 1, task.rng.choice((0, 5))),
        SO_RCVTIMEO: struct.pack("ll", task.rng.choice((0, 3)), 5000),
        SO_SNDTIMEO: struct.pack("ll", task.rng.choice((0, 3)), 5000),
        SO_BINDTODEVICE: b"lo\0",
    }[option]
    with borrowed(task.pick(Kind.SOCKET, Kind.LISTENER)) as this:
        this.setsockopt(socket.SOL_SOCKET, option, value)


@operation(sockets=0.3)
def attach_filter(task: Task) -> None:
    """One instruction: of each message so many bytes come."""
    fd, length = task.pick(Kind.SOCKET), task.rng.choice((0xFFFFFFFF, 100))
    program = ctypes.create_string_buffer(struct.pack("HBBI", BPF_RET_K, 0, 0, length))
    with borrowed(fd) as this:
        this.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, struct.pack("HxxxxxxP", 1, ctypes.addressof(program)))
