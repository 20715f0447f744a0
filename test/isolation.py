# SPDX-License-Identifier: GPL-2.0-only
"""Namespaces that a test enters, so that what others do on the machine is not in its way, nor it in theirs. As root."""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
import subprocess
import sys
from pathlib import Path

CLONE_NEWNS = 0x20000
CLONE_NEWIPC = 0x8000000
CLONE_NEWNET = 0x40000000


def _unshare(flag: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(flag) != 0:
        raise OSError(ctypes.get_errno(), f"unshare({flag:#x})")


INSIDE = "TEST_HAS_PIDS_OF_ITS_OWN"
LAST_PID = Path("/proc/sys/kernel/ns_last_pid")  # pid_namespaces(7)


def own_pids() -> None:
    """
    Starts the program again, as the first process of a pid namespace with a /proc of its own, and returns only there.
    When it ends, however that comes, all processes that are left end with it.
    """
    if os.environ.pop(INSIDE, None):
        signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # else the first process does not see it
        return
    unshare = ["unshare", "--pid", "--fork", "--kill-child=SIGTERM", "--mount-proc"]
    command = [*unshare, sys.executable, "-B", *sys.argv]
    sys.exit(subprocess.run(command, env=os.environ | {INSIDE: "1"}, check=False).returncode)


def next_pids_within(pids: range) -> None:
    """Those of the processes that start from now on. In a pid namespace of one's own."""
    if int(LAST_PID.read_text()) not in pids:
        LAST_PID.write_text(str(pids.start))


def own_ipc() -> None:
    """Segments of shared memory that are left are seen, and go with this process."""
    _unshare(CLONE_NEWIPC)


def raise_loopback() -> None:
    """In a network namespace that is new."""
    siocsifflags, iff_up = 0x8914, 1
    with socket.socket() as s:
        fcntl.ioctl(s, siocsifflags, struct.pack("16sh14x", b"lo", iff_up))


def own_network() -> None:
    """With lo: no damaged address or route is one of the machine's."""
    _unshare(CLONE_NEWNET)
    raise_loopback()


def mount_terminals() -> None:
    """In a mount namespace of this process's own: the numbers of terminals are free."""
    subprocess.run(["mount", "-t", "devpts", "devpts", "/dev/pts", "-o", "ptmxmode=666,mode=620"], check=True)


def own_mounts() -> None:
    """Which nobody else sees."""
    _unshare(CLONE_NEWNS)
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)


def own_terminals() -> None:
    """Their numbers are not those of others: a restore wants the same ones."""
    own_mounts()
    mount_terminals()
