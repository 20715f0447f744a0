# SPDX-License-Identifier: GPL-2.0-only
"""What of a restored program is not as it was, and not as in a run without dump and restore."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from .canonical import Answers

SHORT = 160  # characters of a value that is shown
NAMES_A_TASK = re.compile(r"\btask \d+")  # a refusal does


@dataclass
class Record:
    """One run of the program. All answers by task, and canonical; logs are those of ready_file()."""

    logs: dict[str, list[str]] = field(default_factory=dict)
    before: Answers = field(default_factory=dict)  # the look before the dump, to be compared with that
    after: Answers = field(default_factory=dict)  # after the restore
    shared_before: dict[str, str] = field(default_factory=dict)  # of each descriptor the first with its description
    shared_after: dict[str, str] = field(default_factory=dict)
    contents: Answers = field(default_factory=dict)  # of all runs the same
    refused: str = ""  # what criu says, if it does not dump
    refusal: re.Pattern[str] = NAMES_A_TASK  # what it may say then


def differences(old: Any, new: Any, place: str = "") -> Iterator[str]:
    """One line for each smallest part that differs."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            if key not in old or key not in new:
                yield f"{place}/{key} {'is new' if key in new else 'is gone'}: {_short(new.get(key, old.get(key)))}"
            else:
                yield from differences(old[key], new[key], f"{place}/{key}")
    elif isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        for number, (was, now) in enumerate(zip(old, new)):
            yield from differences(was, now, f"{place}/{number}")
    elif old != new:
        yield f"{place}: {_short(old)} has become {_short(new)}"


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= SHORT else f"{text[:SHORT]}... ({len(text)} characters)"


def complaints(reference: Record, tried: Record) -> Iterator[str]:
    """All that is wrong with the run that was dumped; the reference was not."""
    if reference.logs != tried.logs:
        # Then nothing else can be compared: the test has a mistake, or the machine has run out of something.
        yield from (f"the runs do not begin the same: {line}" for line in differences(reference.logs, tried.logs))
        return
    if tried.refused and not tried.refusal.search(tried.refused):
        what = "no sentence" if tried.refusal is NAMES_A_TASK else "none of its limits"
        yield f"the dump is refused, and that is {what}: {tried.refused}"
    tried_how = "restored" if not tried.refused else f"not dumped ({tried.refused})"
    for record, what in ((reference, "the reference does not stay as it is"), (tried, tried_how)):
        yield from (f"{what}: {line}" for line in differences(record.before, record.after))
        yield from (f"{what}, shared: {line}" for line in differences(record.shared_before, record.shared_after))
    yield from (f"contents: {line}" for line in differences(reference.contents, tried.contents))
