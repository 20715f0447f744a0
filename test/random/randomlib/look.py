# SPDX-License-Identifier: GPL-2.0-only
"""
What a task sees of its descriptors, without changing any of them. Times and numbers of kernel objects that no restore
can keep are left out here or made canonical by the test, each with its reason.
"""

from __future__ import annotations

import fcntl
import os
import re
import re
import select
import socket
import stat
import struct
from typing import Any

from .failures import name_of
from .kinds import Kind, borrowed, kind_of, link_of
from .program import Task
from .sockets import INT_OPTIONS, SO_ATTACH_FILTER, SO_BINDTODEVICE, SO_LINGER, SO_RCVTIMEO, SO_SNDTIMEO, descriptors_in

View = dict[str, Any]

FIONREAD, F_GETOWN_EX, F_GET_RW_HINT = 0x541B, 16, 1035
POLLRDHUP, O_LARGEFILE = 0x2000, 0o100000
ALL_EVENTS = (select.POLLIN | select.POLLPRI | select.POLLOUT | select.POLLRDNORM | select.POLLRDBAND
              | select.POLLWRNORM | select.POLLWRBAND | select.POLLMSG | POLLRDHUP)  # fmt: skip
# Options that can only be asked for.
ASKED_OPTIONS = {
    "SO_TYPE": 3, "SO_PEERCRED": 17, "SO_ACCEPTCONN": 30, "SO_PEERSEC": 31, "SO_PROTOCOL": 38, "SO_DOMAIN": 39,
    "SO_PEERGROUPS": 59, "SO_LINGER": SO_LINGER, "SO_RCVTIMEO": SO_RCVTIMEO, "SO_SNDTIMEO": SO_SNDTIMEO,
    "SO_BINDTODEVICE": SO_BINDTODEVICE, "SO_GET_FILTER": SO_ATTACH_FILTER,
}  # fmt: skip
# Of fdinfo: what F_GETFL gives; numbers of mounts, inodes and eventfds, which are made anew; and of a socket how many
# descriptors are under way to it, as the kernel counts those of messages too that a new connect(2) has thrown away.
FDINFO_LEFT_OUT = {"flags", "mnt_id", "ino", "eventfd-id", "scm_fds"}


def shown_link(fd: int) -> str:
    """
    What is deleted and has another name comes back under a name that --link-remap gives it; one that never had a name
    is shown by the number of its inode.
    """
    link = re.sub(r"/#\d+ \(deleted\)$", "/# (deleted)", link_of(fd))
    if link.endswith(" (deleted)") and os.fstat(fd).st_nlink > 0:
        return f"{os.path.dirname(link)}/* (deleted)"
    return link


def shown_flags(fd: int) -> str:
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    if link_of(fd).endswith(" (deleted)"):
        flags &= ~os.O_NOFOLLOW  # it is opened by a link of /proc
    if kind_of(fd) is Kind.PIPE:
        flags &= ~O_LARGEFILE  # whether this end was opened by a name; it has no effect
    return oct(flags)


def _status(fd: int, home: str) -> View:
    status, link = os.fstat(fd), shown_link(fd)
    seen: View = {"link": link, "mode": oct(status.st_mode), "owner": f"{status.st_uid}:{status.st_gid}"}
    if not link.startswith((home, "/memfd:")):
        return seen  # the rest of a system's file changes by itself
    seen["links"] = status.st_nlink
    if stat.S_ISREG(status.st_mode):
        seen["size"] = status.st_size
    if stat.S_ISREG(status.st_mode) and not link.startswith("/memfd:"):
        seen["mtime"] = status.st_mtime_ns // 1000  # images have microseconds, and none of a memfd
    if link.startswith(home) and not link.endswith(" (deleted)"):
        seen["inode"] = status.st_ino
    return seen


def _owner(fd: int) -> str:
    kind, pid = struct.unpack("ii", fcntl.fcntl(fd, F_GETOWN_EX, bytes(8)))
    # Without an owner the kind has no meaning.
    return f"{('thread', 'process', 'group')[kind]} pid {pid}" if pid else "none"


def _control(fd: int) -> View:
    asked = {
        "descriptor flags": lambda: fcntl.fcntl(fd, fcntl.F_GETFD),
        "flags": lambda: shown_flags(fd),
        "told": lambda: _owner(fd),
        "signal": lambda: fcntl.fcntl(fd, fcntl.F_GETSIG),
        "lease": lambda: fcntl.fcntl(fd, fcntl.F_GETLEASE),
        "pipe size": lambda: fcntl.fcntl(fd, fcntl.F_GETPIPE_SZ),
        "seals": lambda: fcntl.fcntl(fd, fcntl.F_GET_SEALS),
        "hint": lambda: struct.unpack("Q", fcntl.fcntl(fd, F_GET_RW_HINT, bytes(8)))[0],
    }
    seen: View = {}
    for what, ask in asked.items():
        try:
            seen[what] = ask()
        except OSError as error:
            seen[what] = name_of(error)
    return seen


def _info_line(key: str, value: str) -> str:
    words = value.split()
    if key == "lock":
        # Not who took it: the task that was first to have the description, for a lock of flock(2) or F_OFD_SETLK. Nor
        # the inode. `1: POSIX  ADVISORY  WRITE PID DEVICE:INODE START END`.
        words = words[1:4] + words[-2:]
    elif key == "it_value":
        words = ["off" if words == ["(0,", "0)"] else "armed"]
    elif key == "tfd" or key.startswith("inotify"):
        words = [word for word in words if not re.match(r"(ino|sdev|fhandle-\w+|f_handle):", word)]
        # What it watches has a new inode where it is a pipe, a socket, or a deleted file.
    return f"{key}: {' '.join(words)}"


def _fdinfo(fd: int) -> list[str]:
    """Sorted: epoll sets and locks have an order of the kernel's own."""
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii", errors="replace") as info:
        pairs = [line.rstrip("\n").partition(":")[::2] for line in info]
    return sorted(_info_line(key, value) for key, value in pairs if key not in FDINFO_LEFT_OUT)


def _address(ask: Any) -> str:
    try:
        return repr(ask())
    except OSError as error:
        return name_of(error)


def _options(this: socket.socket) -> View:
    """SO_ERROR is not among them, as asking takes it away."""
    seen: View = {}
    for name, number in (INT_OPTIONS | ASKED_OPTIONS).items():
        try:
            value = this.getsockopt(socket.SOL_SOCKET, number, 64)
        except OSError as error:
            seen[name] = name_of(error)
            continue
        seen[name] = value.hex()
        if name == "SO_PEERCRED":
            seen[name] = "pid {}, user {}, group {}".format(*struct.unpack("iii", value))
    return seen


def _first_message(this: socket.socket) -> Any:
    if this.getsockopt(socket.SOL_SOCKET, INT_OPTIONS["SO_PEEK_OFF"]) >= 0:
        return "a look would go on from here"
    if any(events & select.POLLERR for events in _ready_for(this.fileno())):
        return "a look would be told of the error, and take it away"
    try:
        data, ancillary, flags, sender = this.recvmsg(10000, 4096, socket.MSG_PEEK | socket.MSG_DONTWAIT)
    except OSError as error:
        return name_of(error)
    brought = []
    for fd in descriptors_in(ancillary):
        brought.append(f"{shown_link(fd)} {shown_flags(fd)}")
        os.close(fd)
    kinds = [[level, what] for level, what, _ in ancillary]
    return {"data": data.hex(), "ancillary": kinds, "descriptors": brought, "flags": flags, "sender": repr(sender)}


def _socket(fd: int, kind: Kind) -> View:
    with borrowed(fd) as this:
        seen: View = {"options": _options(this), "name": _address(this.getsockname), "peer": _address(this.getpeername)}
        if kind is Kind.SOCKET:
            seen["first message"] = _first_message(this)
    return seen


def _unread(fd: int) -> int | str:
    try:
        return int(struct.unpack("i", fcntl.ioctl(fd, FIONREAD, bytes(4)))[0])
    except OSError as error:
        return name_of(error)


def _ready_for(fd: int) -> list[int]:
    poll = select.poll()
    poll.register(fd, ALL_EVENTS)
    return [events for _, events in poll.poll(0)]


def view(fd: int, home: str) -> View:
    kind = kind_of(fd)
    seen: View = {"kind": kind.name, "info": _fdinfo(fd)} | _status(fd, home) | _control(fd)
    if kind is Kind.PATH:
        return seen
    seen["poll"] = _ready_for(fd)
    if kind in (Kind.PIPE, Kind.SOCKET, Kind.INOTIFY):
        seen["unread"] = _unread(fd)
    if kind in (Kind.SOCKET, Kind.LISTENER):
        seen |= _socket(fd, kind)
    return seen


def look(task: Task) -> View:
    fds = {str(fd): view(fd, str(task.work)) for fd in sorted(task.fds)}
    return {"working directory": os.readlink("/proc/self/cwd"), "fds": fds}
