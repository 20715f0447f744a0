# SPDX-License-Identifier: GPL-2.0-only
"""
What tasks tell, in a form that can be compared: with what they told before a dump, or with what the same program tells
that was not dumped. What a restore, or another run, cannot have the same becomes the same here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

# Of kernel objects without a name, such as `pipe:[1234]`, the inode is new. Which of them are the same stays.
NAMELESS = re.compile(r"\b(pipe|socket|pidfd):\[(\d+)\]")
# A deleted file of a restored task once had the name that the restore made it under.
GHOST = re.compile(r"\.criu\.\d+\.ghost")
# A file that never had a name is shown with its inode.
UNNAMED = re.compile(r"#\d+")
PID = re.compile(r"(?<=\bpid )\d+|(?<=^Pid: )\d+|(?<=^NSpid: )\d+|(?<=^/proc/)\d+")
# The address that the kernel chooses for a UNIX socket that is bound to none.
CHOSEN = re.compile(r"b'\\x00[0-9a-f]{5}'")
# What two runs of a program cannot have in common. LIMITS: of a client that was not accepted yet SO_PEERCRED is criu.
OF_ONE_RUN = {"mtime", "inode", "SO_PEERCRED"}

Answers = dict[str, Any]  # by task


def _map_texts(value: Any, change: Callable[[str], str]) -> Any:
    """The same with all texts changed, in a fixed order."""
    if isinstance(value, dict):
        return {key: _map_texts(value[key], change) for key in sorted(value)}
    if isinstance(value, list):
        return [_map_texts(item, change) for item in value]
    return change(value) if isinstance(value, str) else value


def across_restore(answers: Answers) -> Answers:
    seen: dict[str, int] = {}

    def change(text: str) -> str:
        text = NAMELESS.sub(lambda m: f"{m[1]} {seen.setdefault(m[0], len(seen))}", text)
        return UNNAMED.sub("#", GHOST.sub("", text))

    return _map_texts(answers, change)  # type: ignore[no-any-return]


def _without(value: Any, keys: set[str]) -> Any:
    if isinstance(value, dict):
        return {key: _without(item, keys) for key, item in value.items() if key not in keys}
    return [_without(item, keys) for item in value] if isinstance(value, list) else value


def across_runs(answers: Answers, home: Path, pids: dict[str, int]) -> Answers:
    names = {str(pid): name for name, pid in pids.items()}

    def change(text: str) -> str:
        text = text.replace(str(home), "HOME").replace(f"{home.parent.name}/{home.name}", "HOME")
        return CHOSEN.sub("chosen by the kernel", PID.sub(lambda m: names.get(m[0], m[0]), text))

    return across_restore(_without(_map_texts(answers, change), OF_ONE_RUN))
