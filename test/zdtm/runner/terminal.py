# SPDX-License-Identifier: GPL-2.0-only
"""
Running commands, plainly or on a terminal.

A test with flags=pty belongs to a session that is not its own, as a program started from a shell
does. The session's leader is a fork of this process; it runs commands for us, so that the test and
later `criu restore` are in the same session and have the same terminal.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import signal
import subprocess
import termios
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Protocol

from processes import wait_within


@dataclass(frozen=True)
class Command:
    argv: list[str]
    cwd: Path
    output: Path  # stdout and stderr; a file, as a pipe would be kept open by what stays behind
    env: dict[str, str]
    timeout: float


TIMED_OUT = -1000


class Runner(Protocol):
    """Runs commands. The result is the exit status, -N for signal N, or TIMED_OUT."""

    def run(self, command: Command) -> int: ...

    def pids(self) -> list[int]:
        """Helper processes of the runner itself."""

    def close(self) -> None: ...


def _run(command: Command, stdin: int | IO[bytes]) -> int:
    with (open(command.output, "ab") as output,
          subprocess.Popen(command.argv, cwd=command.cwd, env=command.env, stdin=stdin, stdout=output,
                           stderr=subprocess.STDOUT) as process):
        try:
            return wait_within(process, command.timeout)
        except subprocess.TimeoutExpired:
            process.kill()
            return TIMED_OUT


class PlainRunner:
    def run(self, command: Command) -> int:
        return _run(command, subprocess.DEVNULL)

    def pids(self) -> list[int]:
        return []

    def close(self) -> None:
        pass


class TerminalRunner:
    """Runs commands in a session with a terminal of its own, until close()."""

    def __init__(self) -> None:
        self._master, slave = pty.openpty()
        request_read, request_write = os.pipe()
        answer_read, answer_write = os.pipe()
        self._leader = os.fork()
        if self._leader == 0:
            try:
                os.close(request_write)
                os.close(answer_read)
                os.close(self._master)
                self._lead(slave, request_read, answer_write)
            finally:
                os._exit(0)
        for fd in (slave, request_read, answer_write):
            os.close(fd)
        self._requests = os.fdopen(request_write, "w", encoding="utf-8")
        self._answers = os.fdopen(answer_read, encoding="utf-8")

    @staticmethod
    def _lead(slave: int, requests: int, answers: int) -> None:
        os.setsid()
        fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
        modes = termios.tcgetattr(slave)
        with os.fdopen(requests, encoding="utf-8") as incoming:
            for line in incoming:
                raw = json.loads(line)
                raw["cwd"], raw["output"] = Path(raw["cwd"]), Path(raw["output"])
                if "restore" in raw["argv"]:
                    # As shells do when a job has gone, to whose group a restore has given the terminal.
                    signal.signal(signal.SIGTTOU, signal.SIG_IGN)
                    os.tcsetpgrp(slave, os.getpgrp())
                    termios.tcsetattr(slave, termios.TCSANOW, modes)
                    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
                with os.fdopen(os.dup(slave), "rb", buffering=0) as stdin:
                    status = _run(Command(**raw), stdin)
                os.write(answers, f"{status}\n".encode())

    def run(self, command: Command) -> int:
        raw = {**vars(command), "cwd": str(command.cwd), "output": str(command.output)}
        self._requests.write(json.dumps(raw) + "\n")
        self._requests.flush()
        answer = self._answers.readline()
        if not answer:
            raise RuntimeError("the terminal's session leader died")
        return int(answer)

    def pids(self) -> list[int]:
        return [self._leader]

    def close(self) -> None:
        self._requests.close()
        os.waitpid(self._leader, 0)
        self._answers.close()
        os.close(self._master)
