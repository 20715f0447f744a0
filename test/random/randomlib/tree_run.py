# SPDX-License-Identifier: GPL-2.0-only
"""One run of a random tree: it grows, is looked at before and after, and then used up."""

from __future__ import annotations

import os
import random
import re
import signal
from pathlib import Path
from typing import Any

from runner import procstate

from . import exchange
from .canonical import across_restore, across_runs
from .comparison import Record
from .exchange import ROOT
from .growth import Growth, Name
from .run import WITHIN, Failed, Run, Settings
from .tree_view import (ASLEEP, STOPPED, Names, Seen, comparable, see_at_rest, wait_for_end,
                        with_another_stop)

# LIMITS of criu/task/session-plan.cc; few trees meet them. Any other refusal is a failure, as the trees have nothing else
# in them that cannot be dumped.
REFUSED = re.compile(
    r"task \d+ belongs to session \d+, which neither it nor its parent \d+ can have come from: not supported yet"
    r"|the members of session \d+, whose leader is gone, cannot have come from one place: not supported yet"
)

STOPPED_STATUS = re.compile(r"pid (\w+) status 0x\w+7f")


class TreeRun(Run):
    steps = 40  # of all tasks together
    most_refused = 1 / 50

    def __init__(self, settings: Settings, group: str, seed: int, home: Path) -> None:
        super().__init__(settings, group, seed, home)
        self._rng = random.Random(f"{group} {seed}")
        self._everyone = Names()
        self._seen: dict[str, Seen] = {}

    # What Growth asks for.

    def seen(self) -> dict[str, Seen]:
        return self._seen

    def tell(self, name: str, command: str, *arguments: Any) -> Any:
        known = self._everyone.pids()
        numbers = [known.get(word, word) if isinstance(word, Name) else word for word in arguments]
        answer = self._tell(name, command, *numbers)
        if command == "fork" and isinstance(answer, int):
            self._add(arguments[0], answer)
            answer = None
        self._rest()
        return answer

    def end(self, name: str, by: str, number: int) -> None:
        pid = self.pids[name]
        if by == name:
            self._begin(name, "exit", number)
        else:
            self._tell(by, "send", pid, number)
        if not wait_for_end(pid, WITHIN):
            raise Failed(f"task {name} does not end")
        self._rest()

    def _add(self, name: str, pid: int) -> None:
        self.pids[name] = pid
        self._everyone.add(name, pid)

    def _rest(self) -> None:
        try:
            self._seen = see_at_rest(self.pids, self._everyone, WITHIN)
        except TimeoutError as error:
            raise Failed(str(error)) from None
        self.pids = {name: self.pids[name] for name in self._seen}

    # The run.

    def record(self, dumped: bool) -> Record:
        record = Record(logs=self._must_be_ready(), refusal=REFUSED)
        self._add(ROOT, self.pids[ROOT])
        self._rest()
        growth = Growth(self._rng, self)
        try:
            growth.grow(self._settings.steps)
        finally:
            exchange.put(self._home / "steps", growth.log)  # for who looks into a failure
        record.logs = {"steps": growth.log, "tree": [f"{name}: {shape}" for name, shape in self._shape().items()]}
        record.before = self._look()
        stops = with_another_stop(self.seen(), record.before)
        if dumped:
            record.refused = self._dump()
            if not record.refused:
                self._restore()
        record.after = self._look()
        record.contents = _canonical(across_runs(self._use_up(), self._home, self._everyone.pids()), stops)
        return record

    def _living(self, *states: str) -> list[str]:
        return [name for name, seen in self.seen().items() if seen.state in states]

    def _shape(self) -> dict[str, str]:
        return {name: str(seen) for name, seen in self.seen().items()}

    def _ask_all(self, command: str) -> dict[str, Any]:
        """All that can answer."""
        return {name: self.tell(name, command) for name in self._living(ASLEEP)}

    def _look(self) -> dict[str, Any]:
        self._rest()
        if ROOT not in self.seen():
            raise Failed(f"task {ROOT} is gone")
        answers = self._ask_all("look")
        found = comparable(procstate.take(self.pids[ROOT], memory=False), self._everyone)
        return across_restore({"seen": found, "asked": answers})

    def _use_up(self) -> dict[str, Any]:
        """
        Who has ended or stopped; the same again when those that are stopped go on, and which signals are pending; and where
        the children of one that then is killed go to.
        """
        found: dict[str, Any] = {"the first wait": self._ask_all("wait")}
        for name in self._living(STOPPED):
            self._send(name, signal.SIGCONT)
        for command in ("look", "take", "wait"):
            found[command] = self._ask_all(command)
        found["tree"] = self._shape()
        parents = {seen.parent for seen in self.seen().values()}
        if killed := [name for name in self._living(ASLEEP) if name in parents and name != ROOT]:
            self._send(self._rng.choice(killed), signal.SIGKILL)
        found["tree without one"] = self._shape()
        for command in ("take", "wait"):
            found[f"{command} without one"] = self._ask_all(command)
        return found

    def _send(self, name: str, number: int) -> None:
        """By the test itself."""
        pid = self.pids[name]
        os.kill(pid, number)
        if number == signal.SIGKILL and not wait_for_end(pid, WITHIN):
            raise Failed(f"task {name} does not end")
        self._rest()


def _canonical(contents: dict[str, Any], stops: set[str]) -> dict[str, Any]:
    """
    Which of several children wait(2) tells of first is not said anywhere; a restore makes them in the order of their pids.
    stops: see with_another_stop().
    """

    def change(line: str) -> str:
        stopped = STOPPED_STATUS.fullmatch(line)
        return f"pid {stopped[1]} has stopped" if stopped and stopped[1] in stops else line

    found = dict(contents)
    for part, told in contents.items():
        if "wait" in part:
            found[part] = {name: sorted(map(change, lines)) for name, lines in told.items()}
    return found
