# SPDX-License-Identifier: GPL-2.0-only
"""
Where to hit a program, told by what it does and not by the clock: at one of its system calls.

    aim = Aim(trace)                            # written by a run under `strace -o trace`, plain()
    while run([*aim.shot(rng, trace), program, ...]) == 0:   # killed at a system call that it makes,
        aim.missed(trace)                       # unless it makes fewer of them this time: a busy machine adds some
"""

from __future__ import annotations

import random
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

STRACE = ["strace", "-qq", "-o"]
# Of calls that wait there are as many as it takes; and the program's beginning and end are its own.
NOT = {"execve", "exit_group", "sched_yield", "wait4", "futex", "clock_nanosleep", "poll"}
# A call that strace has no name for, such as 454: it prints it so, and takes neither this nor the number.
NAMELESS = "syscall_0x"
# brk(2) of the kernel returns no errors, and the libc knows that; and who traces a task may kill it.
NEVER_FAILS = {"brk", "kill"}
FIRST = "fcntl"  # what main() of criu begins with
# No failures, but answers: of a terminal, that it has been hung up; of ptrace(2), that there is no such request.
ANSWERS = {("ioctl", "EIO"), ("ptrace", "EIO")}


def plain(trace: Path) -> list[str]:
    """The command in front of a run that is only looked at. Follows no thread and no child."""
    return [*STRACE, str(trace)]


def following(trace: Path) -> list[str]:
    """The same, with all that it makes."""
    return [*plain(trace), "-f"]


def calls_in(trace: Path) -> Iterator[tuple[str, str]]:
    """One after the other: the name, and what stands behind its bracket."""
    for line in trace.read_text(errors="replace").splitlines():
        if match := re.match(r"(\w+)\((.*)", line):
            yield match[1], match[2]


def named(trace: Path) -> Iterator[str]:
    return (name for name, _ in calls_in(trace))


def failures(name: str, errors: tuple[str, ...]) -> list[str]:
    return [error for error in errors if (name, error) not in ANSWERS]


def failing(looking: list[str], name: str, number: int, error: str) -> list[str]:
    return [*looking, "-e", f"trace={name}", "-e", f"inject={name}:error={error}:when={number}"]


def killing(looking: list[str], name: str, number: int) -> list[str]:
    return [*looking, "-e", f"trace={name}", "-e", f"inject={name}:signal=KILL:when={number}"]


class Aim:
    """`calls`: name, and how many of that name there were so far: strace counts each name by itself."""

    def __init__(self, trace: Path) -> None:
        seen: Counter[str] = Counter()
        self.calls: list[tuple[str, int]] = []
        self.name = ""  # of the last shot
        for name in named(trace):
            if name not in NOT and not name.startswith(NAMELESS):
                seen[name] += 1
                self.calls.append((name, seen[name]))

    def missed(self, trace: Path) -> None:
        """The last shot's run has ended by itself: calls of that name that it did not make are aimed at no more."""
        made = sum(name == self.name for name in named(trace))
        self.calls = [(name, number) for name, number in self.calls if name != self.name or number <= made]

    def part_at(self, name: str) -> float:
        """At which part of the run its first call of that name is."""
        return [call for call, _ in self.calls].index(name) / len(self.calls)

    def shot(self, rng: random.Random, trace: Path, first: float = 0.0) -> list[str]:
        """first: from which part of the run on, 0 to 1. The status is that of a program killed by SIGKILL, unless the
        run makes fewer such calls than the one that was looked at."""
        name, number = rng.choice(self.calls[int(len(self.calls) * first):])
        self.name = name
        return killing(plain(trace), name, number)

    def fault(self, rng: random.Random, trace: Path, errors: tuple[str, ...]) -> list[str]:
        """A call is not made, and fails with one of these errors: each name is as likely as another. None of those
        that come before main(), which are the loader's."""
        own = self.calls[[name for name, _ in self.calls].index(FIRST):]
        self.name = rng.choice(sorted({name for name, _ in own} - NEVER_FAILS))
        number = rng.choice([number for name, number in own if name == self.name])
        return failing(plain(trace), self.name, number, rng.choice(failures(self.name, errors)))

    def faults(self, wanted: str, trace: Path, error: str) -> Iterator[list[str]]:
        """Each call of that name fails, one after the other."""
        for name, number in self.calls:
            if name == wanted:
                yield failing(plain(trace), name, number, error)

    def faults_of_each_kind(self, besides: frozenset[str], trace: Path, error: str) -> Iterator[list[str]]:
        """The first call of each kind fails: of its name and of the constants and names of files that it is given. Not
        those of the names `besides`, nor what comes before main()."""
        seen: Counter[str] = Counter()
        kinds = set()
        begun = False
        for name, rest in calls_in(trace):
            seen[name] += 1
            begun = begun or name == FIRST
            words = re.findall(r'\b[A-Z][A-Z0-9_]{3,}\b|"/[^"]*"', rest.rsplit(") ", 1)[0])
            kind = (name, *(re.sub(r"\d+", "N", word) for word in words))
            if begun and kind not in kinds and name not in NOT | NEVER_FAILS | besides and not name.startswith(NAMELESS):
                kinds.add(kind)
                yield failing(plain(trace), name, seen[name], error)


class TaskAim:
    """At the calls of the processes that a program makes, not at its own; the trace is one of following()."""

    def __init__(self, trace: Path) -> None:
        own = ""
        seen: Counter[tuple[str, str]] = Counter()
        for line in trace.read_text(errors="replace").splitlines():
            if match := re.match(r"(\d+) +(\w+)\(", line):
                own = own or match[1]
                seen[match[1], match[2]] += 1
        # Strace counts for each process by itself: what the program does as often would fail there.
        self.calls = sorted({
            (name, number) for (pid, name), made in seen.items() for number in range(seen[own, name] + 1, made + 1)
            if pid != own and name not in NOT | NEVER_FAILS and not name.startswith(NAMELESS)
        })

    def fault(self, rng: random.Random, trace: Path, errors: tuple[str, ...]) -> list[str]:
        """As that of Aim."""
        name = rng.choice(sorted({name for name, _ in self.calls}))
        number = rng.choice([n for called, n in self.calls if called == name])
        return failing(following(trace), name, number, rng.choice(failures(name, errors)))
