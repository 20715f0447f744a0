# SPDX-License-Identifier: GPL-2.0-only
"""What is measured: the target, commands by the clock, and how times are told."""

from __future__ import annotations

import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from pathlib import Path

TOP = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("O", TOP / "build")).resolve()
CRIU = str(BUILD / "criu/criu")
MIB = 1 << 20


class Target:
    """target.c, through all its dumps and restores: this process reaps it each time."""

    def __init__(self, mib: int, directory: Path, *more: str) -> None:
        ready = directory / "ready"
        ready.unlink(missing_ok=True)
        child = subprocess.Popen(
            [BUILD / "test/bench/target", str(mib), ready, *more], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )
        self.pid = child.pid
        child.returncode = 0  # reaped here, not by subprocess
        while not ready.exists():
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                sys.exit(f"bench: the target of {mib} MiB has ended")
            time.sleep(0.01)

    def reap(self) -> None:
        """The target and, now that they are this process's children, its own."""
        os.waitpid(self.pid, 0)
        try:
            while True:
                os.waitpid(-self.pid, 0)
        except ChildProcessError:
            return

    def end(self) -> None:
        os.killpg(self.pid, signal.SIGKILL)
        self.reap()


def timed(command: list[str]) -> float:
    """The seconds that a command takes which has to succeed."""
    start = time.monotonic()
    result = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, text=True)
    took = time.monotonic() - start
    if result.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} gave {result.returncode}:\n{result.stderr}")
    return took


def fresh(directory: Path, name: str = "images") -> Path:
    images = directory / name
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir()
    return images


def spread(times: list[float]) -> str:
    ms = [t * 1000 for t in times]
    return f"{min(ms):9.1f} {statistics.median(ms):9.1f} {max(ms):9.1f}"


def ratio(a: list[float], b: list[float]) -> float:
    return statistics.median(a) / statistics.median(b)


def aim(value: float, limit: float) -> str:
    return f"{value:.2f} (aim: at most {limit}: {'met' if value <= limit else 'not met'})"
