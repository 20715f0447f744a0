# SPDX-License-Identifier: GPL-2.0-only
"""The life of a task: random steps, among them children that do the same, and then answers to the test."""

from __future__ import annotations

import os
import random
import signal
import traceback
from collections.abc import Callable
from typing import Any

from . import anonymous, common, contents, files, look, pipes, sockets  # noqa: F401, of some only the operations
from .exchange import COMMAND, LOOK, READ, ROOT, SETTLE, WRITE, answer_commands, put, ready_file, wait_for
from .failures import name_of
from .program import OPERATIONS, Nothing, Task, operation

CHILD_WITHIN = 60.0
MOST_CHILDREN, GENERATIONS = 2, 3
# What the kernel may send because of a descriptor.
IGNORED = (signal.SIGIO, signal.SIGHUP, signal.SIGURG, signal.SIGPIPE, signal.SIGUSR1, signal.SIGRTMIN)

COMMANDS: dict[str, Callable[[Task], Any]] = {
    LOOK: look.look, SETTLE: contents.settle, READ: contents.read, WRITE: contents.write,
}  # fmt: skip


def take_steps(task: Task) -> None:
    weights = [o.weights.get(task.group, 0) for o in OPERATIONS]
    for _ in range(task.steps):
        (chosen,) = task.rng.choices(OPERATIONS, weights)
        outcome = "done"
        try:
            chosen.run(task)
        except Nothing:
            outcome = "there is nothing to do it to"
        except OSError as error:
            outcome = name_of(error)
        task.log.append(f"{chosen.run.__name__}: {outcome}")


@operation(files=0.5, sockets=0.5)
def fork(task: Task) -> None:
    if len(task.children) == MOST_CHILDREN or len(task.name) == GENERATIONS:
        raise Nothing
    name = f"{task.name}{len(task.children)}"
    rng = random.Random(task.rng.getrandbits(64))
    pid = os.fork()
    if pid == 0:
        _live_as(task, name, rng)
    task.children.append(pid)
    if not wait_for(ready_file(task.home, name), CHILD_WITHIN):
        raise SystemExit(f"{name} does not become ready")


def _live_as(task: Task, name: str, rng: random.Random) -> None:
    """Does not return."""
    try:
        task.name, task.rng, task.steps = name, rng, task.steps // 3
        task.children, task.log, task.names = [], [], 0
        if task.chance(0.3):
            os.setsid()
        elif task.chance(0.3):
            os.setpgid(0, 0)
        for fd in sorted(task.fds):
            if task.chance(0.3):
                task.close(fd)
        live(task)
    except BaseException:
        traceback.print_exc()
    os._exit(1)


def live(task: Task) -> None:
    take_steps(task)
    put(ready_file(task.home, task.name), {"pid": os.getpid(), "log": task.log})
    answer_commands(task.home, task.name, lambda command: COMMANDS[command](task))


def begin(task: Task) -> None:
    assert task.name == ROOT
    for number in IGNORED:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, [COMMAND])
    task.work.mkdir()
    os.chdir(task.work)
    os.umask(0)
    live(task)
