# SPDX-License-Identifier: GPL-2.0-only
"""
System calls of a command and of the tasks it makes, as the kernel's own trace event counts them.

A restore attaches to its tasks by ptrace, as strace would have to, so strace cannot look on.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path

TRACING = Path("/sys/kernel/tracing")
TRIGGER = TRACING / "events/raw_syscalls/sys_enter/trigger"
HISTOGRAM = "hist:keys=common_pid"
LINE = re.compile(r"^\{ common_pid:\s*(\d+) \} hitcount:\s*(\d+)", re.M)


def count(histogram: str, others: set[int]) -> int:
    return sum(int(hits) for pid, hits in LINE.findall(histogram) if int(pid) not in others)


class Calls:
    """
    Counts what happens while nothing else runs on the machine but process 1 and this one. From the first on, system calls
    are counted for good: with an event the kernel rewrites its own code, which an emulated processor may miss that
    executes it meanwhile, and then hang.
    """

    def __init__(self) -> None:
        if not TRIGGER.exists():
            subprocess.run(["mount", "-t", "tracefs", "none", TRACING], check=True)
        self._trigger(HISTOGRAM)

    @staticmethod
    def _trigger(text: str) -> None:
        with TRIGGER.open("a") as file:  # truncated, it would lose its triggers
            file.write(text)

    def of(self, what: Callable[[], object]) -> int:
        self._trigger(HISTOGRAM + ":clear")
        what()
        # The file is read before this process goes on, and its own calls do not count.
        return count((TRIGGER.parent / "hist").read_text(), {1, os.getpid()})
