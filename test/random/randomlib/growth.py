# SPDX-License-Identifier: GPL-2.0-only
"""
How a random tree comes about: steps chosen from a seed, each of which one of its tasks takes. The next one is chosen when
all tasks are at rest, from what the kernel then shows, so that nothing depends on time.

    growth = Growth(random.Random("trees 17"), grove)
    growth.grow(steps=40)
    growth.log                     # what was done, by names
"""

from __future__ import annotations

import random
import signal
import string
from collections.abc import Callable
from typing import Any, Protocol

from .exchange import ROOT
from .tree_view import ASLEEP, STOPPED, ZOMBIE, Seen

MOST_LIVING, MOST_EVER, MOST_THREADS = 10, 24, 3
EXIT_SIGNALS = (*[signal.SIGCHLD] * 8, 0, signal.SIGUSR1)
STOPS = (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU)
KILLS = (signal.SIGKILL, signal.SIGTERM)
DEATH_SIGNALS = (0, signal.SIGUSR1, signal.SIGUSR2)


class Impossible(Exception):
    """There is no task that could do the step."""


class Grove(Protocol):
    """Where the tree stands: TreeRun."""

    def seen(self) -> dict[str, Seen]:
        """All tasks that are there, in the order in which they came about."""

    def tell(self, name: str, command: str, *arguments: Any) -> Any:
        """What the task answers, when all are at rest. Tasks among the arguments are told as pids."""

    def end(self, name: str, by: str, number: int) -> None:
        """The task `by` kills it with that signal, or, if that is the task itself, it exits with that status."""


class Name(str):
    """Of a task, among the arguments of a command."""


class Growth:
    def __init__(self, rng: random.Random, grove: Grove) -> None:
        self._rng = rng
        self._grove = grove
        self._children: dict[str, int] = {}  # so many have been made by each
        self._subreapers: set[str] = set()
        self.log: list[str] = []

    def grow(self, steps: int) -> None:
        if self._rng.random() < 0.85:
            self._set_subreaper(ROOT, True)
        for _ in range(steps):
            (step,) = self._rng.choices(list(STEPS), list(STEPS.values()))
            try:
                step(self)
            except Impossible:
                self.log.append(f"{step.__name__}: there is nothing to do it to")

    # What is there.

    def _names(self, *states: str, but: str = "", that: Callable[[Seen], bool] = lambda seen: True) -> list[str]:
        found = self._grove.seen()
        return [name for name, seen in found.items() if seen.state in states and name != but and that(seen)]

    def _pick(self, *states: str, but: str = "", that: Callable[[Seen], bool] = lambda seen: True) -> str:
        if not (names := self._names(*states, but=but, that=that)):
            raise Impossible
        return self._rng.choice(names)

    def _children_of(self, name: str) -> list[str]:
        return self._names(ASLEEP, STOPPED, ZOMBIE, that=lambda seen: seen.parent == name)

    def _would_keep_children(self, name: str) -> bool:
        """
        Whether those that it leaves at its end stay in the tree. From the outside they would hold on to sessions and groups
        of the tree, and such a dump is refused.
        """
        found = self._grove.seen()
        if not any(seen.parent == name for seen in found.values()):
            return True
        while (name := found[name].parent) in found:
            if name in self._subreapers:
                return True
        return False

    # What is done.

    def _tell(self, name: str, command: str, *arguments: Any) -> Any:
        answer = self._grove.tell(name, command, *arguments)
        self.log.append(f"{name} {command} {' '.join(map(str, arguments))}" + (f": {answer}" if answer is not None else ""))
        return answer

    def _fork(self, parent: str) -> str:
        if len(self._names(ASLEEP, STOPPED)) >= MOST_LIVING or sum(self._children.values()) >= MOST_EVER:
            raise Impossible
        number = self._children.get(parent, 0)
        self._children[parent] = number + 1
        child = f"{parent}{string.ascii_lowercase[number]}"
        self._tell(parent, "fork", Name(child), int(self._rng.choice(EXIT_SIGNALS)))
        return child

    def _set_subreaper(self, name: str, on: bool) -> None:
        self._tell(name, "be_subreaper", int(on))
        (self._subreapers.add if on else self._subreapers.discard)(name)

    def _move_away(self, name: str) -> None:
        """It may be in a session or group of its own, or adopt, from the beginning."""
        how = self._rng.choice(("stays", "stays", "session", "group", "subreaper"))
        if how == "session":
            self._tell(name, "setsid")
        elif how == "group":
            self._tell(name, "setpgid", 0, 0)
        elif how == "subreaper":
            self._set_subreaper(name, True)

    def _end(self, name: str) -> None:
        if name == ROOT or not self._would_keep_children(name):
            raise Impossible
        by = self._pick(ASLEEP)  # it may be the task itself
        if by == name:
            number = self._rng.randrange(256)
        else:
            is_stopped = self._grove.seen()[name].state == STOPPED
            number = int(signal.SIGKILL if is_stopped else self._rng.choice(KILLS))
        self.log.append(f"{name} exits with {number}" if by == name else f"{by} kills {name} with {number}")
        self._grove.end(name, by, number)
        self._subreapers.discard(name)

    def _reap(self, child: str) -> None:
        """If it can be."""
        found = self._grove.seen()
        if child not in found or found[child].state != ZOMBIE:
            return  # who ignores SIGCHLD has no zombies
        parent = found[child].parent
        if parent in found and found[parent].state == ASLEEP:
            self._tell(parent, "reap", Name(child))

    # Steps.

    def fork(self) -> None:
        self._move_away(self._fork(self._pick(ASLEEP)))

    def make_zombie(self) -> None:
        child = self._fork(self._pick(ASLEEP))
        self._move_away(child)
        self._end(child)

    def make_orphan(self) -> None:
        middle = self._fork(self._pick(ASLEEP))
        self._move_away(middle)
        self._move_away(self._fork(middle))
        self._end(middle)
        if self._rng.random() < 0.7:
            self._reap(middle)

    def end_one(self) -> None:
        name = self._pick(ASLEEP, STOPPED, but=ROOT)
        self._end(name)
        if self._rng.random() < 0.5:
            self._reap(name)

    def reap(self) -> None:
        self._reap(self._pick(ZOMBIE))

    def set_session(self) -> None:
        self._tell(self._pick(ASLEEP), "setsid")

    def set_group(self) -> None:
        """Of itself or a child: a group of its own, one of a child's or of another child's, that of anyone in the session."""
        name = self._pick(ASLEEP)
        children = self._children_of(name)
        session = self._grove.seen()[name].session
        groups = sorted({seen.group for seen in self._grove.seen().values() if seen.session == session})
        target = self._rng.choice([name, *children])
        group = self._rng.choice([target, name, *children, *groups, *groups])
        self._tell(name, "setpgid", Name(target), Name(group))

    def join_parent(self) -> None:
        found = self._grove.seen()
        name = self._pick(ASLEEP, that=lambda seen: seen.parent in found)
        self._tell(name, "setpgid", 0, Name(found[found[name].parent].group))

    def set_subreaper(self) -> None:
        self._set_subreaper(self._pick(ASLEEP), self._rng.random() < 0.7)

    def start_thread(self) -> None:
        self._tell(self._pick(ASLEEP, that=lambda seen: seen.threads < MOST_THREADS), "start_thread")

    def stop(self) -> None:
        """
        One that is not stopped yet. LIMITS: where a second stop signal is pending in a task that is stopped, SIGSTOP is lost.
        """
        name = self._pick(ASLEEP)
        self._tell(self._pick(ASLEEP, but=name), "send", Name(name), int(self._rng.choice(STOPS)))

    def go_on(self) -> None:
        name = self._pick(STOPPED)
        self._tell(self._pick(ASLEEP), "send", Name(name), int(signal.SIGCONT))

    def set_death_signal(self) -> None:
        """LIMITS: the root would get it at the end of criu, which is its parent until then (--restore-detached)."""
        self._tell(self._pick(ASLEEP, but=ROOT), "set_death_signal", int(self._rng.choice(DEATH_SIGNALS)))

    def dispose(self) -> None:
        number = self._rng.choice((signal.SIGCHLD, signal.SIGCHLD, signal.SIGUSR1, signal.SIGRTMIN + 1))
        others = ("ignored", "default", "default") if number == signal.SIGCHLD else ("ignored",)
        self._tell(self._pick(ASLEEP), "dispose", int(number), self._rng.choice(("handled", *others)))

    def block(self) -> None:
        number = self._rng.choice((signal.SIGCHLD, signal.SIGUSR1, signal.SIGUSR2, signal.SIGRTMIN + 1))
        self._tell(self._pick(ASLEEP), "block", int(number), self._rng.random() < 0.8)

    def send(self) -> None:
        number = int(self._rng.choice((signal.SIGUSR1, signal.SIGUSR2, signal.SIGRTMIN + 1)))
        name = self._pick(ASLEEP)
        if self._rng.random() < 0.3:
            self._tell(name, "send_to_thread", number)
        else:
            self._tell(name, "send", Name(self._pick(ASLEEP, STOPPED)), number)


STEPS: dict[Callable[[Growth], None], float] = {
    Growth.fork: 5, Growth.make_zombie: 2, Growth.make_orphan: 3, Growth.end_one: 1.5, Growth.reap: 0.5,
    Growth.set_session: 1.5, Growth.set_group: 4, Growth.join_parent: 1, Growth.set_subreaper: 1, Growth.start_thread: 1,
    Growth.stop: 1.5, Growth.go_on: 0.5, Growth.set_death_signal: 1, Growth.dispose: 1, Growth.block: 2, Growth.send: 2,
}  # fmt: skip
