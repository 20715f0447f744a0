# SPDX-License-Identifier: GPL-2.0-only
"""Dumps while tasks and threads, of the tree and others, come, end and execute programs: none may fail."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator, Sequence

from .harness import Bench, Case, Cases, Failed, Target

RARE = 8  # so many times the dumps: one in a hundred meets the end of somebody else
BUSY_LOOP = "while True: pass"
# The tracer takes a millisecond for each request: some of those that it has asked to stop end meanwhile, and others have
# stopped before they are waited for.
SLOW_TRACER = ["strace", "-qq", "-o", "/dev/null", "-e", "trace=ptrace", "-e", "inject=ptrace:delay_exit=1000"]


class ChurnCases:
    def __init__(self, bench: Bench, target: Target, program: Path, rounds: int) -> None:
        self.bench = bench
        self.target = target
        self.program = program
        self.rounds = rounds

    @contextmanager
    def _load(self) -> Iterator[None]:
        """As many busy loops as processors: who is to end does not do so at once."""
        loops = [subprocess.Popen([sys.executable, "-c", BUSY_LOOP]) for _ in range(os.cpu_count() or 1)]
        self.bench.known |= {p.pid for p in loops}
        try:
            yield
        finally:
            for p in loops:
                p.kill()
                p.wait()
                self.bench.known.discard(p.pid)

    @contextmanager
    def _running(self, kind: str) -> Iterator[subprocess.Popen]:
        # Its output is a file: a pipe would be held by this test as well.
        out = self.bench.fresh("churn") / "said"
        with out.open("wb") as said:
            command = subprocess.Popen(
                [self.program, kind], stdin=subprocess.DEVNULL, stdout=said, stderr=said, start_new_session=True,
            )
        self.bench.known.add(command.pid)
        try:
            while not out.read_bytes():  # it says "ready"
                if command.poll() is not None:
                    raise Failed(f"the program ended with {command.returncode}")
            yield command
        finally:
            if command.poll() is None:
                os.kill(command.pid, signal.SIGKILL)
            command.wait()
            self.bench.known.discard(command.pid)
            self.bench.kill_strangers()

    def _dump_often(self, pid: int, churning: subprocess.Popen, rounds: int, under: Sequence[str] = ()) -> str:
        images = self.bench.fresh("churn")
        for i in range(rounds):
            dump = [*under, self.bench.criu, "dump", "-R", "-t", str(pid), "-D", images]
            dumped = self.bench.run_command(dump, timeout=60)
            if dumped.status != 0:
                raise Failed(f"dump {i + 1} of {rounds}: {dumped.errors() or dumped.text[-300:]}")
            if churning.poll() is not None:
                raise Failed(f"after dump {i + 1} the program is gone ({churning.returncode})")
        return f"{rounds} dumps"

    def _all_succeed(self, kind: str) -> str:
        with self._running(kind) as command, self._load():
            return self._dump_often(command.pid, command, self.rounds)

    def _by_a_slow_tracer(self) -> str:
        with self._running("threads") as command:
            return self._dump_often(command.pid, command, self.rounds, SLOW_TRACER)

    def _beside_others(self) -> str:
        """Those who are not of the tree, and whose descriptors and mappings a dump looks at."""
        with self._running("outsiders") as command:
            return self._dump_often(self.target.pid, command, self.rounds * RARE)

    def cases(self) -> Cases:
        yield Case("churn: tasks that come and go", lambda: self._all_succeed("tasks"))
        yield Case("churn: threads that come and go", lambda: self._all_succeed("threads"))
        yield Case("churn: threads that come and go while criu is slow", self._by_a_slow_tracer)
        yield Case("churn: a thread that executes a program", lambda: self._all_succeed("exec"))
        yield Case("churn: others that come and go", self._beside_others)
