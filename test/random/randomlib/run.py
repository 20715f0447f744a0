# SPDX-License-Identifier: GPL-2.0-only
"""
One run of the program, from its start to its end:

    with Run(settings, "files", 17, home) as run:
        record = run.record(dumped=True)
"""

from __future__ import annotations

import bisect
import json
import os
import re
import subprocess
import sys
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from processes import wait_within
from runner import tasks
from runner.procstate import Description

from . import exchange
from .canonical import Answers, across_restore, across_runs
from .comparison import Record
from .exchange import LOOK, READ, ROOT, SETTLE, WRITE

TARGET = Path(__file__).resolve().parents[1] / "target"
READY_WITHIN = 60.0  # seconds
WITHIN = 60.0  # for an answer, or for criu; what takes longer hangs
OPTIONS = ("--file-locks", "--link-remap")
# What is done to the program after the look that is compared with the one before. In flight are descriptors that hold
# descriptors, so there is more than one READ; what is written then has a way to be read.
TAKEN_OUT = (SETTLE, READ, LOOK, READ, WRITE, READ)


class Failed(Exception):
    pass


@dataclass(frozen=True)
class Settings:
    criu: Path
    steps: int


class Run:
    """The tasks are children of this process, or become so; they are ended at the end."""

    steps = 70  # of the first process
    most_refused = 1 / 3  # of the seeds; were there more, the test would be empty

    def __init__(self, settings: Settings, group: str, seed: int, home: Path) -> None:
        self._settings = settings
        self._home = home
        self._told: Counter[str] = Counter()  # commands, by task
        self.pids: dict[str, int] = {}
        home.mkdir(parents=True)
        command = [sys.executable, "-B", TARGET, group, str(seed), str(settings.steps), home]
        with (home / "output").open("wb") as output:
            self._process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                             start_new_session=True)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        self._end()

    def _end(self) -> None:
        known = {self._process.pid, *self.pids.values()}
        pids = sorted(known.union(*(tasks.tree(pid) for pid in known)))
        with tasks.Handles(pids) as handles:
            handles.kill()
            handles.wait(WITHIN)
        self._reap(pids)

    def _reap(self, pids: list[int]) -> None:
        self._process.poll()
        tasks.reap_all(pids)  # parents have lower pids
        tasks.reap_all(pids)

    def _must_be_gone(self, pids: list[int]) -> None:
        """So that the restore can have their pids. One that nobody has to wait for is there for a moment after its end."""
        until = time.monotonic() + WITHIN
        while left := [pid for pid in pids if os.path.exists(f"/proc/{pid}")]:
            if time.monotonic() > until:
                raise Failed(f"after the dump these are still there: {left}")
            self._reap(left)
            time.sleep(0.001)

    def _goes_on(self) -> bool:
        return self._process.poll() is None

    def _must_be_ready(self) -> dict[str, list[str]]:
        """All tasks are there; the steps that each has taken."""
        if not exchange.wait_for(exchange.ready_file(self._home, ROOT), READY_WITHIN, self._goes_on):
            raise Failed(f"the program does not become ready: {(self._home / 'output').read_text()[-600:]}")
        logs = {}
        for file in sorted(self._home.glob(exchange.ready_file(Path(), "*").name)):
            ready = json.loads(file.read_text())
            name = file.suffix[1:]
            logs[name], self.pids[name] = ready["log"], ready["pid"]
        return logs

    def _ask(self, command: str) -> Answers:
        """One task after the other, as they have descriptors in common."""
        return {name: self._tell(name, command) for name in self.pids}

    def _tell(self, name: str, *command: Any) -> Any:
        """What the task answers."""
        answer = self._begin(name, *command)
        if not exchange.wait_for(answer, WITHIN):
            raise Failed(f"task {name} does not {command[0]}: {(self._home / 'output').read_text()[-600:]}")
        return json.loads(answer.read_text())

    def _begin(self, name: str, *command: Any) -> Path:
        """Where the answer will be."""
        exchange.command_file(self._home, name).write_text(json.dumps(command))
        answer = exchange.answer_file(self._home, name, self._told[name])
        self._told[name] += 1
        try:
            os.kill(self.pids[name], exchange.COMMAND)
        except (KeyError, ProcessLookupError):
            raise Failed(f"task {name} is gone") from None
        return answer

    def _shared(self) -> dict[str, str]:
        """Of each descriptor of the tasks the first that has the same open file description, by kcmp(2)."""
        known: list[Description] = []
        names: dict[tuple[int, int], str] = {}
        shared = {}
        for task, pid in self.pids.items():
            for fd in sorted(int(fd) for fd in os.listdir(f"/proc/{pid}/fd")):
                this = Description(pid, fd)
                at = bisect.bisect_left(known, this)
                if at == len(known) or known[at] != this:
                    known.insert(at, this)
                    names[(pid, fd)] = f"{task}.{fd}"
                first = known[at]
                shared[f"{task}.{fd}"] = names[(first.pid, first.fd)]
        return shared

    def _criu(self, verb: str, *arguments: str | Path) -> tuple[int, str]:
        command = [self._settings.criu, verb, "-D", self._home / "images", "-o", f"{verb}.log", "-v4", *OPTIONS, *arguments]
        said = self._home / f"{verb}.said"
        with said.open("wb") as output:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
            try:
                status = wait_within(process, WITHIN)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise Failed(f"criu {verb} hangs") from None
        return status, said.read_text(errors="replace").strip()

    def _dump(self) -> str:
        """Why it is refused; empty if it is done, and the tasks are gone."""
        (self._home / "images").mkdir()
        pids = sorted(self.pids.values())
        with tasks.Handles(pids) as handles:
            status, said = self._criu("dump", "-t", str(self.pids[ROOT]))
            if status == 1:
                return re.sub(r"Error: |\n.*", "", said)
            if status != 0:
                raise Failed(f"criu dump ends with {status}: {said[-600:]}")
            if left := handles.wait(WITHIN):
                raise Failed(f"after the dump these run on: {left}")
        self._must_be_gone(pids)
        return ""

    def _restore(self) -> None:
        status, said = self._criu("restore", "-d")
        if status != 0:
            raise Failed(f"criu restore ends with {status}: {said[-600:]}")

    def record(self, dumped: bool) -> Record:
        record = Record(logs=self._must_be_ready())
        self._ask(SETTLE)
        record.before, record.shared_before = across_restore(self._ask(LOOK)), self._shared()
        if dumped:
            record.refused = self._dump()
            if record.refused:
                self._ask(SETTLE)  # of files that the dump has looked at
            else:
                self._restore()
        record.after, record.shared_after = across_restore(self._ask(LOOK)), self._shared()
        for number, command in enumerate(TAKEN_OUT):
            answers = across_runs(self._ask(command), self._home, self.pids)
            record.contents.update({f"{number} {command} {task}": answer for task, answer in answers.items()})
        record.contents["shared"] = self._shared()  # with what has come out of sockets
        return record
