# SPDX-License-Identifier: GPL-2.0-only
"""
One task of the program: its random stream, its descriptors, its names; and the operations that there are.

    @operation(files=2, sockets=0.5)           # how often, in each group
    def make_something(task: Task) -> None:
        task.add(os.open(task.new_path(), os.O_CREAT))
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from .exchange import WORK
from .kinds import Kind, kind_of

GROUPS = ("files", "sockets")


class Nothing(Exception):
    """There is nothing that the operation could be done to."""


@dataclass(frozen=True)
class Address:
    """Of a UNIX socket; type is that of socket(2)."""

    type: int
    name: str


@dataclass
class Task:
    group: str
    seed: int
    home: Path
    name: str
    steps: int
    rng: random.Random
    fds: set[int] = field(default_factory=set)
    children: list[int] = field(default_factory=list)  # pids
    addresses: list[Address] = field(default_factory=list)
    log: list[str] = field(default_factory=list)
    names: int = 0

    @property
    def work(self) -> Path:
        return self.home / WORK

    def new_path(self, suffix: str = "") -> str:
        return str(self.work / self.new_name(suffix))

    def new_name(self, suffix: str = "") -> str:
        """No other task has it."""
        self.names += 1
        return f"{self.name}-{self.names}{suffix}"

    def add(self, fd: int) -> int:
        self.fds.add(fd)
        return fd

    def close(self, fd: int) -> None:
        self.fds.discard(fd)
        os.close(fd)

    def data(self, sizes: tuple[int, ...]) -> bytes:
        return self.rng.randbytes(self.rng.choice(sizes))

    def chance(self, part: float) -> bool:
        return self.rng.random() < part

    def pick(self, *kinds: Kind, that: Callable[[int], bool] = lambda fd: True) -> int:
        """A descriptor of one of these kinds, or of any, for which that holds."""
        found = [fd for fd in sorted(self.fds) if (not kinds or kind_of(fd) in kinds) and that(fd)]
        if not found:
            raise Nothing
        return self.rng.choice(found)


@dataclass(frozen=True)
class Operation:
    run: Callable[[Task], None]
    weights: dict[str, float]  # by group


OPERATIONS: list[Operation] = []


def operation(**weights: float) -> Callable[[Callable[[Task], None]], Callable[[Task], None]]:
    assert set(weights) <= set(GROUPS)

    def register(run: Callable[[Task], None]) -> Callable[[Task], None]:
        OPERATIONS.append(Operation(run, weights))
        return run

    return register
