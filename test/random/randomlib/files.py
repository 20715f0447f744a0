# SPDX-License-Identifier: GPL-2.0-only
"""Operations on files and directories: what they are opened with, what becomes of their names, locks, leases."""

from __future__ import annotations

import fcntl
import os
import struct

from .kinds import Kind, can_write, kind_of
from .program import Nothing, Task, operation

O_ASYNC = 0o20000
FILE_FLAGS = (
    os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_RDWR | os.O_APPEND, os.O_RDWR | os.O_SYNC, os.O_RDWR | os.O_DSYNC,
    os.O_WRONLY | os.O_APPEND | os.O_NONBLOCK, os.O_RDONLY | os.O_NOATIME, os.O_RDONLY | os.O_NOFOLLOW, os.O_PATH,
    os.O_RDWR | O_ASYNC,
)  # fmt: skip
SYSTEM_FILES = (
    "/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev", "/", "/sys", "/sys/kernel",
    "/proc", "/proc/meminfo", "/proc/sys/kernel/pid_max", "/proc/self", "/proc/self/status", "/proc/self/maps",
    "/proc/self/task", "/proc/self/exe", "/proc/self/fd", "/proc/self/mountinfo", "/proc/self/stat",
)  # fmt: skip
MEMORY_SEALS = (
    fcntl.F_SEAL_SEAL, fcntl.F_SEAL_SHRINK, fcntl.F_SEAL_GROW, fcntl.F_SEAL_WRITE, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_WRITE,
    fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE,
)  # fmt: skip


def _replace(task: Task, path: str) -> None:
    """Something else has the file's name."""
    os.unlink(path)
    if task.chance(0.5):
        os.mkdir(path)
    else:
        os.close(os.open(path, os.O_CREAT | os.O_WRONLY))


@operation(files=1, sockets=0.3)
def make_file(task: Task) -> None:
    path = task.new_path()
    with open(path, "wb") as file:
        file.write(task.data((0, 1, 5000)))
    fd = task.add(os.open(path, task.rng.choice(FILE_FLAGS) | task.rng.choice((0, os.O_CLOEXEC))))
    fate = task.rng.choice(("stays", "stays", "unlinked", "linked", "renamed", "replaced", "known by another name"))
    if fate == "unlinked":
        os.unlink(path)
    elif fate == "linked":
        os.link(path, path + "-link")
    elif fate == "renamed":
        os.rename(path, path + "-renamed")
    elif fate == "replaced":
        _replace(task, path)
    elif fate == "known by another name":  # --link-remap
        os.link(path, path + "-other")
        os.unlink(path)
    if kind_of(fd) is Kind.FILE:
        os.lseek(fd, task.rng.choice((0, 1, 100, 1 << 20, 1 << 40)), os.SEEK_SET)


@operation(files=0.7, sockets=0.1)
def make_file_without_name(task: Task) -> None:
    flags = os.O_TMPFILE | task.rng.choice((os.O_RDWR, os.O_WRONLY))
    fd = task.add(os.open(task.work, flags, task.rng.choice((0o600, 0o4755, 0))))
    os.write(fd, task.data((100,)))
    if task.chance(0.5):
        os.ftruncate(fd, task.rng.choice((100000, 10, 0)))


@operation(files=1, sockets=0.2)
def make_directory(task: Task) -> None:
    path = task.new_path("-dir")
    os.mkdir(path)
    fd = task.add(os.open(path, os.O_DIRECTORY | task.rng.choice((0, os.O_PATH))))
    fate = task.rng.choice(("stays", "removed", "renamed", "filled"))
    if fate == "removed":
        os.rmdir(path)
    elif fate == "renamed":
        os.rename(path, path + "-renamed")
    elif fate == "filled":
        os.close(os.open(path + "/file", os.O_CREAT | os.O_WRONLY))
    if task.chance(0.2):
        os.fchdir(fd)


@operation(files=1, sockets=0.2)
def open_system_file(task: Task) -> None:
    task.add(os.open(task.rng.choice(SYSTEM_FILES), task.rng.choice((0, os.O_NONBLOCK, os.O_PATH))))


@operation(files=0.3)
def open_parent_file(task: Task) -> None:
    if len(task.name) == 1:
        raise Nothing  # its parent is not of the program
    task.add(os.open(f"/proc/{os.getppid()}/stat", os.O_RDONLY))


@operation(files=1, sockets=0.2)
def make_memfd(task: Task) -> None:
    name = task.rng.choice(("a", "", "x" * 200, "with space", "two\nlines"))
    fd = task.add(os.memfd_create(name, task.rng.choice((0, os.MFD_ALLOW_SEALING, os.MFD_CLOEXEC))))
    os.write(fd, task.data((1, 4096, 10000)))
    if task.chance(0.3):
        task.add(os.open(f"/proc/self/fd/{fd}", task.rng.choice((os.O_RDONLY, os.O_RDWR))))
    if task.chance(0.4):
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, task.rng.choice(MEMORY_SEALS))


@operation(files=1, sockets=0.2)
def write_file(task: Task) -> None:
    os.write(task.pick(Kind.FILE, Kind.MEMFD, that=can_write), task.data((1, 100)))


@operation(files=1)
def change_file(task: Task) -> None:
    fd = task.pick(Kind.FILE)
    change = task.rng.choice(("mode", "owner", "size", "attribute", "times"))
    if change == "mode":
        os.fchmod(fd, task.rng.choice((0o600, 0, 0o755, 0o2711)))
    elif change == "owner":
        os.fchown(fd, 1000, 1001)
    elif change == "size":
        os.ftruncate(fd, task.rng.choice((0, 5, 1 << 16)))  # a deleted file must not exceed --ghost-limit
    elif change == "attribute":
        os.setxattr(fd, "user.x", task.data((1, 20)))
    else:
        os.utime(fd, (1000, 2000))


def is_leased(fd: int) -> bool:
    return kind_of(fd) is Kind.FILE and fcntl.fcntl(fd, fcntl.F_GETLEASE) != fcntl.F_UNLCK


@operation(files=0.5)
def take_lease(task: Task) -> None:
    """On a file of its own, which nobody opens: what breaks a lease runs with time."""
    path = task.new_path("-leased")
    kind = task.rng.choice((fcntl.F_RDLCK, fcntl.F_WRLCK))
    flags = os.O_RDONLY if kind == fcntl.F_RDLCK else os.O_RDWR
    fd = task.add(os.open(path, os.O_CREAT | flags, 0o600))
    fcntl.fcntl(fd, fcntl.F_SETLEASE, kind)


@operation(files=1.5)
def lock_file(task: Task) -> None:
    fd = task.pick(Kind.FILE, Kind.MEMFD, Kind.DIRECTORY)
    how = task.rng.choice(("flock", "posix", "ofd", "ofd"))
    if how == "flock":
        fcntl.flock(fd, task.rng.choice((fcntl.LOCK_SH, fcntl.LOCK_EX, fcntl.LOCK_UN)) | fcntl.LOCK_NB)
    elif how == "posix":
        lock = task.rng.choice((fcntl.LOCK_SH | fcntl.LOCK_NB, fcntl.LOCK_EX | fcntl.LOCK_NB, fcntl.LOCK_UN))
        fcntl.lockf(fd, lock, task.rng.choice((0, 1, 100)), task.rng.choice((0, 5)))
    else:
        lock = task.rng.choice((fcntl.F_RDLCK, fcntl.F_WRLCK, fcntl.F_UNLCK))
        whence = task.rng.choice((os.SEEK_SET, os.SEEK_END))
        start, length = task.rng.choice((0, 10)), task.rng.choice((0, 5))
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", lock, whence, start, length, 0))


@operation(files=1, sockets=0.2)
def open_again(task: Task) -> None:
    """The same file by another description."""
    kinds = (Kind.FILE, Kind.DIRECTORY, Kind.PIPE, Kind.MEMFD, Kind.MEMORY_DEVICE, Kind.SYSTEM)
    fd = task.pick(*kinds, that=lambda fd: not is_leased(fd))
    flags = task.rng.choice((os.O_RDONLY, os.O_WRONLY, os.O_RDWR, os.O_PATH)) | os.O_NONBLOCK
    task.add(os.open(f"/proc/self/fd/{fd}", flags))
