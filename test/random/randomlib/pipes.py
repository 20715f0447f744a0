# SPDX-License-Identifier: GPL-2.0-only
"""Operations on pipes, with a name and without."""

from __future__ import annotations

import fcntl
import os

from .kinds import Kind, can_read, can_write, nonblocking
from .program import Task, operation

PIPE_FLAGS = (0, os.O_NONBLOCK, os.O_DIRECT, os.O_CLOEXEC, os.O_DIRECT | os.O_NONBLOCK)
SIZES = (4096, 16384, 65536, 1 << 20)


@operation(files=1, sockets=0.3)
def make_pipe(task: Task) -> None:
    reader, writer = os.pipe2(task.rng.choice(PIPE_FLAGS))
    task.add(reader)
    task.add(writer)
    if task.chance(0.4):
        fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, task.rng.choice(SIZES))
    for _ in range(task.rng.choice((0, 0, 1, 3))):
        with nonblocking(writer):
            os.write(writer, task.data((1, 10, 1000)))


@operation(files=1, sockets=0.2)
def make_fifo(task: Task) -> None:
    path = task.new_path("-fifo")
    os.mkfifo(path)
    ends = task.rng.choice(("both in one", "reader", "both", "both, with one for both"))
    if ends == "both in one":
        task.add(os.open(path, os.O_RDWR | task.rng.choice((0, os.O_NONBLOCK))))
    else:
        task.add(os.open(path, os.O_RDONLY | os.O_NONBLOCK))
    if ends.startswith("both,"):
        task.add(os.open(path, os.O_RDWR))
    if ends in ("both", "both, with one for both"):
        task.add(os.open(path, os.O_WRONLY))
    if task.chance(0.4):
        os.unlink(path)


@operation(files=1.5, sockets=0.2)
def write_pipe(task: Task) -> None:
    fd = task.pick(Kind.PIPE, that=can_write)
    with nonblocking(fd):
        os.write(fd, task.data((1, 100, 3000)))


@operation(files=1, sockets=0.2)
def read_pipe(task: Task) -> None:
    fd = task.pick(Kind.PIPE, that=can_read)
    with nonblocking(fd):
        os.read(fd, task.rng.choice((1, 50, 5000)))
