# SPDX-License-Identifier: GPL-2.0-only
"""A program that is dumped and restored while a test asks it."""

from __future__ import annotations

import http.client
import os
import subprocess
import time
from collections.abc import Callable, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Protocol

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("O", TOP / "build")).resolve()
CRIU, RMFORKCTL = str(BUILD / "criu/criu"), str(BUILD / "rmfork/tools/rmforkctl")
# Seconds until a program answers; the processor of the virtual machine is emulated.
WITHIN = 240.0 if "CRIU_RMFORK_VM" in os.environ else 20.0
# A client asks once over its connection, and looks at the answer; told how often it has asked before.
Exchange = Callable[["Line", BinaryIO, int], None]


class Line(Protocol):
    """What a client says something by: a socket, or the stdin of a program."""

    def sendall(self, data: bytes, /) -> object: ...


class Failed(Exception):
    pass


class Running:
    """A program in a session of its own, and the directory that it works in."""

    def __init__(self, home: Path, command: list[str], options: list[str]) -> None:
        self.home = home
        self.options = options  # of criu's, for the dump and for the restore
        self.outside: set[int] = set()  # other children of this process
        self.out = home / "out"
        with self.out.open("wb") as out:
            child = subprocess.Popen(command, cwd=home, start_new_session=True, stdin=subprocess.DEVNULL, stdout=out,
                                     stderr=out)
        child.returncode = 0  # this process reaps all there is
        self.pid = child.pid

    def criu(self, verb: str, *options: str) -> None:
        images = self.home / "images"
        images.mkdir(exist_ok=True)
        done = subprocess.run([CRIU, verb, "-D", images, "-o", f"{verb}.log", *self.options, *options],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode != 0:
            raise Failed(f"criu {verb}: {done.stderr.strip()}")

    def comes_back(self) -> None:
        self.criu("dump", "-t", str(self.pid))
        reap(self.pid, self.outside)
        self.criu("restore", "-d")

    def says(self) -> str:
        return self.out.read_text(errors="replace")[-500:]


def reap(pid: int, outside: Set[int] = frozenset()) -> None:
    """The program, and what comes to this process when it has ended: the first one of its namespace."""
    deadline = time.monotonic() + WITHIN
    while time.monotonic() < deadline:
        children = {int(word) for word in Path("/proc/self/task/1/children").read_text().split()}
        if children <= outside:
            return
        for child in children - outside:
            os.waitpid(child, os.WNOHANG)
        time.sleep(0.005)
    raise Failed(f"something of program {pid} is left")


def until_it_answers(program: Running, ask: Callable[[Running], None]) -> None:
    deadline = time.monotonic() + WITHIN
    while True:
        try:
            ask(program)
            return
        except (OSError, AssertionError, http.client.HTTPException) as e:
            if time.monotonic() > deadline:
                raise Failed(f"no answer: {e!r}; {program.says()}") from e
            time.sleep(0.05)


@dataclass(frozen=True)
class Program:
    name: str
    needs: str  # a program that has to be there
    command: list[str]  # it starts in a directory of its own
    ask: Callable[[Running], None]
    files: dict[str, str] = field(default_factory=dict)  # that it works on: name and text
    first: list[str] = field(default_factory=list)  # a command that makes the rest
    options: list[str] = field(default_factory=list)  # criu's
    # A client stays connected to that port all the time, or is that program, in the same directory.
    talk: tuple[int | list[str], Exchange] | None = None
