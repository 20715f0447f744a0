# SPDX-License-Identifier: GPL-2.0-only
"""
How the test speaks with the tasks of the program: by files in one directory, so that no descriptor leads out of the
program. A command is written to a file, and a signal tells the task to read it; the answer is in another file. Both are
JSON; a command is a list of its name and its arguments.
"""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = "r"  # the first task; its children are r0, r1, and theirs are r00, r01
COMMAND = signal.SIGRTMAX  # "read your command"; blocked by the program
# The directory of the files that the program makes. Those of others, as its own interpreter, are known by not being in
# one of that name, and are not changed.
WORK = "made-by-random-test"

# Commands of a program with descriptors.
LOOK, SETTLE, READ, WRITE = "look", "settle", "read", "write"

LIFETIME = 600.0  # seconds without a command, after which the test has gone


def ready_file(home: Path, task: str) -> Path:
    """What the task has done so far, and its pid."""
    return home / f"ready.{task}"


def command_file(home: Path, task: str) -> Path:
    return home / f"command.{task}"


def answer_file(home: Path, task: str, number: int) -> Path:
    """Answers are numbered from 0."""
    return home / f"answer.{task}.{number}"


def put(path: Path, content: Any) -> None:
    """The file is there only as a whole."""
    new = path.with_name(f"{path.name}.new")
    new.write_text(json.dumps(content, indent=1, sort_keys=True))
    os.rename(new, path)


def wait_for(path: Path, seconds: float, goes_on: Callable[[], bool] = lambda: True) -> bool:
    """Whether the file has come, before the time is over and as long as it can."""
    until = time.monotonic() + seconds
    while not path.exists():
        if time.monotonic() > until or not goes_on():
            return path.exists()
        time.sleep(0.001)
    return True


def answer_commands(home: Path, task: str, obey: Callable[..., Any]) -> None:
    """Of the task itself. Ends by being killed, or when no command comes for a long time."""
    number = 0
    while signal.sigtimedwait([COMMAND], LIFETIME):
        put(answer_file(home, task, number), obey(*json.loads(command_file(home, task).read_text())))
        number += 1
