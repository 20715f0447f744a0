# SPDX-License-Identifier: GPL-2.0-only
"""Kills `criu restore` with SIGKILL at system calls of its: all of the tree runs, or nothing is there."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "kill"))
from aim import Aim, plain  # noqa: E402
from isolation import next_pids_within  # noqa: E402
from .harness import (OTHER_PIDS, SETTLE_TIMEOUT, Bench, Case, Cases, Failed, Target, remove_segments, segments_left,
                      status_field)


class KillCases:
    def __init__(self, bench: Bench, target: Target, images: Path, kills: int) -> None:
        self.bench = bench
        self.target = target
        self.images = images
        self.kills = kills

    def _start(self, under: list[str]) -> subprocess.Popen[bytes]:
        next_pids_within(OTHER_PIDS)
        return subprocess.Popen(
            [*under, self.bench.criu, "restore", "-d", "-D", self.images],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def _aim(self, trace: Path) -> Aim:
        if self._start(plain(trace)).wait() != 0:
            raise Failed("a plain restore fails")
        self.bench.kill_strangers()
        return Aim(trace)

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
        trace = self.bench.fresh("kills") / "trace"
        aim = self._aim(trace)
        hits = missed = 0
        ends = {"gone": 0, "whole": 0}
        while hits < self.kills:
            shot = aim.shot(rng, trace)
            restore = self._start(shot)
            # What is dead stays a zombie meanwhile: not everybody reaps at once.
            self.bench.known.add(restore.pid)
            os.waitid(os.P_PID, restore.pid, os.WEXITED | os.WNOWAIT)
            try:
                end = self._settles()
            except Failed as e:
                raise Failed(f"kill {hits + 1}, {shot[-1]}: {e}") from None
            finally:
                status = restore.wait()
                self.bench.known.discard(restore.pid)
                self.bench.kill_strangers()
            if status == 0:
                missed += 1
                aim.missed(trace)
                continue
            if status != -signal.SIGKILL:
                raise Failed(f"kill {hits + 1}, {shot[-1]}: the restore ends with {status}")
            if segments := segments_left():
                remove_segments()
                raise Failed(f"kill {hits + 1}, {shot[-1]}: segments are left behind: {segments}")
            hits += 1
            ends[end] += 1
        return (f"{hits} kills of restores under way ({missed} missed), at some of {len(aim.calls)} system calls: "
                f"{ends['gone']} trees gone, {ends['whole']} whole")

    def cases(self) -> Cases:
        yield Case("restore: killed at its system calls", self.killed_restores)
