# SPDX-License-Identifier: GPL-2.0-only
"""Kills `criu restore` with SIGKILL at random instants: all of the tree runs, or nothing is there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import time
from pathlib import Path

from .harness import SETTLE_TIMEOUT, Bench, Case, Cases, Failed, Target, status_field

MIN_HITS = 0.3


class KillCases:
    def __init__(self, bench: Bench, target: Target, images: Path, kills: int) -> None:
        self.bench = bench
        self.target = target
        self.images = images
        self.kills = kills

    def _start(self) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [self.bench.criu, "restore", "-d", "-D", self.images],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _typical(self) -> float:
        times = []
        for _ in range(5):
            start = time.monotonic()
            if self._start().wait() != 0:
                raise Failed("a plain restore fails")
            times.append(time.monotonic() - start)
            self.bench.kill_strangers()
        return sorted(times)[2]

    def _settles(self) -> str:
        """What has become of the tree: `gone` or `whole`."""
        deadline = time.monotonic() + SETTLE_TIMEOUT
        while True:
            if not self._living():
                return "gone"
            if self.target.runs_complete():
                return "whole"
            if time.monotonic() > deadline:
                states = [f"{p} {status_field(p, 'State')}" for p in self._living()]
                tree = f"{self.target.pid} with child {self.target.child}"
                raise Failed(f"half of the tree of {tree} is left: {', '.join(states)}")

    def _living(self) -> list[int]:
        return [p for p in sorted(self.bench.strangers()) if status_field(p, "State")[0] != "Z"]

    def killed_restores(self) -> str:
        rng = random.Random(self.bench.seed)
        typical = self._typical()
        hits = 0
        ends = {"gone": 0, "whole": 0}
        for n in range(self.kills):
            restore = self._start()
            time.sleep(rng.uniform(0, typical * 0.95))
            os.kill(restore.pid, signal.SIGKILL)
            # The dead criu stays a zombie meanwhile: not everybody reaps at once.
            self.bench.known.add(restore.pid)
            os.waitid(os.P_PID, restore.pid, os.WEXITED | os.WNOWAIT)
            try:
                ends[self._settles()] += 1
            except Failed as e:
                raise Failed(f"kill {n + 1}: {e}") from None
            finally:
                hits += restore.wait() == -signal.SIGKILL
                self.bench.known.discard(restore.pid)
                self.bench.kill_strangers()
        if hits < self.kills * MIN_HITS:
            raise Failed(f"only {hits} of {self.kills} kills hit a restore under way")
        return (f"{hits} of {self.kills} hit a restore under way (one takes {typical * 1000:.0f} ms): "
                f"{ends['gone']} trees gone, {ends['whole']} whole")

    def cases(self) -> Cases:
        yield Case("restore: killed at random instants", self.killed_restores)
