# SPDX-License-Identifier: GPL-2.0-only
"""Operations on descriptors of any kind: copies, flags, owners, their end."""

from __future__ import annotations

import fcntl
import os
import signal
import stat
import struct

from .files import O_ASYNC
from .program import Nothing, Task, operation

O_DIRECT, O_NOATIME = os.O_DIRECT, os.O_NOATIME
F_SETOWN_EX = 15
F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP = range(3)


@operation(files=1.5, sockets=1)
def duplicate(task: Task) -> None:
    how = task.rng.choice((fcntl.F_DUPFD, fcntl.F_DUPFD_CLOEXEC))
    task.add(fcntl.fcntl(task.pick(), how, task.rng.choice((0, 50, 300, 900))))


@operation(files=0.7, sockets=0.4)
def duplicate_over(task: Task) -> None:
    """Another one is closed by that."""
    os.dup2(task.pick(), task.pick())


@operation(files=2, sockets=1.5)
def close(task: Task) -> None:
    task.close(task.pick())


@operation(files=1, sockets=0.7)
def change_flags(task: Task) -> None:
    fd = task.pick()
    flag = task.rng.choice((os.O_NONBLOCK, os.O_APPEND, O_ASYNC, O_NOATIME, O_DIRECT))
    fcntl.fcntl(fd, fcntl.F_SETFL, fcntl.fcntl(fd, fcntl.F_GETFL) ^ flag)


@operation(files=0.5, sockets=0.5)
def change_close_on_exec(task: Task) -> None:
    fcntl.fcntl(task.pick(), fcntl.F_SETFD, task.rng.choice((0, fcntl.FD_CLOEXEC)))


@operation(files=1, sockets=0.7)
def change_owner(task: Task) -> None:
    """Whom the kernel tells, and by which signal: all of these are ignored."""
    fd = task.pick()
    if stat.S_ISDIR(os.fstat(fd).st_mode):
        raise Nothing  # LIMITS: it looks as if it were watched by F_NOTIFY
    what = task.rng.choice(("process", "group", "child", "extended", "signal"))
    if what == "process":
        fcntl.fcntl(fd, fcntl.F_SETOWN, task.rng.choice((0, os.getpid())))
    elif what == "group":
        fcntl.fcntl(fd, fcntl.F_SETOWN, -os.getpgrp())
    elif what == "child":
        fcntl.fcntl(fd, fcntl.F_SETOWN, task.children[0] if task.children else os.getpid())
    elif what == "extended":
        kind = task.rng.choice((F_OWNER_TID, F_OWNER_PID, F_OWNER_PGRP))
        pid = os.getpgrp() if kind == F_OWNER_PGRP else os.getpid()
        fcntl.fcntl(fd, F_SETOWN_EX, struct.pack("ii", kind, task.rng.choice((pid, 0))))
    else:
        fcntl.fcntl(fd, fcntl.F_SETSIG, task.rng.choice((0, signal.SIGUSR1, signal.SIGIO, signal.SIGRTMIN)))
