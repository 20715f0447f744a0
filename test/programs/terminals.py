# SPDX-License-Identifier: GPL-2.0-only
"""Shells on terminals of the tree's own: how to type there, and what they show."""

from __future__ import annotations

import re
import subprocess
import time
from collections.abc import Callable

from interpreters import PYTHON
from running import WITHIN, Failed, Program, Running


def wait_for_pipe(program: Running) -> None:
    assert (program.home / "keys").is_fifo(), "there is nothing to type into"


def type_into_pipe(program: Running, keys: str) -> None:
    with (program.home / "keys").open("w") as pipe:
        pipe.write(keys)


def ask_tmux(program: Running, *command: str) -> str:
    done = subprocess.run(["tmux", "-S", program.home / "socket", *command], capture_output=True, text=True,
                          timeout=WITHIN, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr
    return done.stdout


def type_into_tmux(program: Running, keys: str) -> None:
    ask_tmux(program, "send-keys", "-t", "main", "-H", *(f"{key:x}" for key in keys.encode()))


def shown_by_tmux(program: Running) -> str:
    """Of all windows."""
    windows = ask_tmux(program, "list-windows", "-t", "main", "-F", "#{window_id}").split()
    return "".join(ask_tmux(program, "capture-pane", "-p", "-t", window) for window in windows)


def begin_in_tmux(program: Running) -> None:
    """The server, which has gone its own way, is what is dumped."""
    program.pid = int(ask_tmux(program, "display-message", "-p", "#{pid}"))
    ask_tmux(program, "new-window", "-d", "-t", "main", "top -d 0.2")


def job_control(type_in: Callable[[Running, str], None], shown: Callable[[Running], str],
                begin: Callable[[Running], None] = wait_for_pipe,
                beside: str = "") -> Callable[[Running], None]:
    """
    A job that runs and a stopped one, which is brought to the front, answers, and is stopped again; `beside`: what is
    shown all the time.
    """
    asked = 0

    def expect(program: Running, keys: str, pattern: str) -> None:
        if keys:
            type_in(program, keys)
        deadline = time.monotonic() + WITHIN
        while re.search(pattern, shown(program), re.S) is None:
            if time.monotonic() > deadline:
                raise Failed(f"to {keys!r} it does not show {pattern!r}: {shown(program)!r}")
            time.sleep(0.02)

    def ask_once(program: Running) -> None:
        if asked == 1:
            expect(program, "sleep 1000 &\n", r"\[1\] \d+")
            expect(program, "sed -u s/^/got:/\nfirst\n", "got:first")
            expect(program, "\x1a", "Stopped +sed")
        # What is typed looks different from what is answered.
        expect(program, f"jobs; echo round$(({asked} + 0))\n", rf"Running +sleep 1000.*Stopped +sed.*round{asked}\b")
        expect(program, f"fg %2\nword{asked}\n", rf"got:word{asked}\b")
        expect(program, "\x1a", rf"got:word{asked}\b.*Stopped +sed")
        expect(program, "", beside)

    def ask(program: Running) -> None:
        nonlocal asked
        if asked == 0:
            begin(program)
        asked += 1
        try:
            ask_once(program)
        except AssertionError as e:  # no reason to ask again: half of it was typed
            raise Failed(str(e)) from e

    return ask


SHELL = "env PS1=$ bash --norc --noprofile -i"
# What is typed comes from a named pipe, which the program itself keeps open: it never ends.
SCRIPT = f'mkfifo keys; exec script -q -f -c "{SHELL}" typescript <> keys'
TMUX = ["tmux", "-S", "socket", "-f", "/dev/null", "new-session", "-d", "-s", "main", "-x", "80", "-y", "40", SHELL]
SPAWN = f"""mkfifo keys; exec {PYTHON} -c 'import pty, shlex; pty.spawn(shlex.split("{SHELL}"))' <> keys"""

PROGRAMS = [
    Program("script and jobs of bash", "script", ["bash", "-c", SCRIPT], job_control(type_into_pipe, Running.says)),
    Program("pty.spawn and jobs of bash", PYTHON, ["bash", "-c", SPAWN], job_control(type_into_pipe, Running.says)),
    Program("tmux with top and jobs of bash", "tmux", TMUX,
            job_control(type_into_tmux, shown_by_tmux, begin_in_tmux, beside="load average")),
]
