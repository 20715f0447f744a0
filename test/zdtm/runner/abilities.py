# SPDX-License-Identifier: GPL-2.0-only
"""What this machine can do: the words of `needs=` in a test's declaration."""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable

CAP_SYS_RESOURCE = 24
SO_PEEK_OFF = 42


def _has_capability(number: int) -> bool:
    with open("/proc/self/status", encoding="ascii") as status:
        for line in status:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> number & 1)
    return False


def _sys_resource() -> str | None:
    if _has_capability(CAP_SYS_RESOURCE):
        return None
    return "no CAP_SYS_RESOURCE here: limits of another user's task cannot be set (run with --vm)"


def _eventfd_semaphore() -> str | None:
    fd = os.eventfd(0, os.EFD_SEMAPHORE)
    try:
        with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as info:
            if "eventfd-semaphore" in info.read():
                return None
    finally:
        os.close(fd)
    return "this kernel does not tell of an eventfd that it is a semaphore (Linux 6.7 does)"


def _shows_tcp_ahead() -> bool:
    with socket.socket() as tcp:
        try:
            tcp.setsockopt(socket.SOL_SOCKET, SO_PEEK_OFF, -1)
        except OSError:
            return False
        return True


def _tcp_peek_off() -> str | None:
    if _shows_tcp_ahead():
        return None
    return "this kernel has no SO_PEEK_OFF of TCP (Linux 6.9 has)"


def _no_tcp_peek_off() -> str | None:
    if not _shows_tcp_ahead():
        return None
    return "this kernel has SO_PEEK_OFF of TCP (since Linux 6.9)"


def _huge_pages() -> str | None:
    least = 16
    with open("/proc/sys/vm/nr_overcommit_hugepages", encoding="ascii") as more:
        pages = int(more.read())
    with open("/proc/meminfo", encoding="ascii") as meminfo:
        pages += sum(int(line.split()[1]) for line in meminfo if line.startswith("HugePages_Free:"))
    return None if pages >= least else f"fewer than {least} huge pages (/proc/sys/vm/nr_overcommit_hugepages; run with --vm)"


def _hugetlbfs() -> str | None:
    with open("/proc/mounts", encoding="ascii") as mounts:
        if not any(line.split()[1:3] == ["/dev/hugepages", "hugetlbfs"] for line in mounts):
            return "no hugetlbfs at /dev/hugepages (run with --vm)"
    return _huge_pages()


ABILITIES: dict[str, Callable[[], str | None]] = {
    "uid": _sys_resource,
    "eventfd-semaphore": _eventfd_semaphore,
    "tcp-peek-off": _tcp_peek_off,
    "no-tcp-peek-off": _no_tcp_peek_off,
    "huge-pages": _huge_pages,
    "hugetlbfs": _hugetlbfs,
}


@functools.cache
def missing(ability: str) -> str | None:
    """None if the machine has the ability, else the reason why not."""
    if ability not in ABILITIES:
        return f"zdtm.py knows no ability {ability!r}"
    return ABILITIES[ability]()
