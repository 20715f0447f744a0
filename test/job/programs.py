# SPDX-License-Identifier: GPL-2.0-only
"""Programs that people have on a terminal: how they are started, and how they show that they are there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ESCAPE = b"\x1b"
# read, poll, select, nanosleep, clock_nanosleep, pselect6, ppoll: where a program waits for keys.
WAITS = {0, 7, 23, 35, 230, 270, 271}

# A prompt of no other shell's.
PROMPT = "at the prompt> "
LINES = 1000


@dataclass(frozen=True)
class Program:
    name: str
    command: Callable[[Path], list[str]]  # given a directory of its own
    ready: bytes  # shown when it waits for a key
    keys: bytes  # to which
    answer: bytes  # it answers so;
    interrupted: bytes  # What it shows upon a Ctrl-C
    end: bytes  # The keys that end it; none if the Ctrl-C does


def waits_for_keys(pid: int) -> bool:
    """A Ctrl-C at another time may be for what the program is just doing."""
    number = Path(f"/proc/{pid}/syscall").read_text().split()[0]
    return number.isdigit() and int(number) in WAITS


def text_file(home: Path) -> str:
    path = home / "text"
    path.write_text("".join(f"line {n}\n" for n in range(1, LINES + 1)))
    return str(path)


PROGRAMS = [
    # It is not the terminal that shows the ^C, which has been told to echo nothing.
    Program("bash", lambda _: ["env", f"PS1={PROMPT}", "bash", "--norc", "--noprofile", "-i"], PROMPT.encode(),
            b"echo six$((3 + 4))\r", b"six7", b"^C", b"exit\r"),
    Program("vim", lambda home: ["vim", "-u", "NONE", "-N", "-i", "NONE", text_file(home)], b"line 2",
            b"ihello " + ESCAPE + b":w\r", b" written", b"to exit Vim", b":q!\r"),
    Program("top", lambda _: ["top", "-d", "1000"], b"load average", b"h", b"Help for Interactive Commands", b"", b""),
    # It follows the file until it is interrupted, and hears no q meanwhile.
    Program("less", lambda home: ["less", text_file(home)], b"line 2", b"F", b"Waiting for data", b"(END)", b"q"),
    Program("python3", lambda _: ["python3", "-q"], b">>>", b"print(6 * 7)\r", b"42", b"KeyboardInterrupt", b"exit()\r"),
]
