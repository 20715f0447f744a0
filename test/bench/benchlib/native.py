# SPDX-License-Identifier: GPL-2.0-only
"""Natively: an empty process, and 1 GiB next to a plain write of as much."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

from benchlib.target import CRIU, MIB, Target, aim, fresh, ratio, spread, timed


def command(verb: str, images: Path, *more: str) -> list[str]:
    return [CRIU, verb, "-D", str(images), "-o", f"{verb}.log", *more]


class Times:
    """Dumps and restores of one target, by page images."""

    def __init__(self) -> None:
        self.dumps: list[float] = []
        self.restores: list[float] = []

    def round(self, target: Target, directory: Path) -> None:
        images = fresh(directory)
        self.dumps.append(timed(command("dump", images, "-t", str(target.pid))))
        target.reap()
        self.restores.append(timed(command("restore", images, "-d")))


def system_calls(target: Target, directory: Path) -> int:
    """How many a dump makes, by strace -f -c."""
    log = directory / "strace"
    subprocess.run(["strace", "-f", "-c", "-o", log, *command("dump", fresh(directory), "-R", "-t", str(target.pid))],
                   check=True, capture_output=True)
    match = re.search(r"^100\.00.*?(\d+)\s+(?:\d+ )?total$", log.read_text(), re.M)
    return int(match[1]) if match else sys.exit(f"bench: strace counted nothing:\n{log.read_text()}")


def write_plainly(directory: Path, mib: int) -> float:
    block = os.urandom(MIB)
    path = directory / "plain"
    start = time.monotonic()
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for _ in range(mib):
        os.write(fd, block)
    os.close(fd)
    took = time.monotonic() - start
    path.unlink()
    return took


def header() -> None:
    print(f"{'':36} {'least':>9} {'median':>9} {'most':>9}  ms")


def native(directory: Path, rounds: int) -> None:
    print("== natively: an empty process")
    target = Target(0, directory)
    times = Times()
    for _ in range(rounds * 4):
        times.round(target, directory)
    calls = system_calls(target, directory)
    target.end()
    header()
    print(f"{'dump':36} {spread(times.dumps)}  aim: median under 25")
    print(f"{'restore':36} {spread(times.restores)}  aim: median under 25")
    print(f"system calls of a dump: {calls}")

    print("\n== natively: 1 GiB, next to a plain write of 1 GiB to the same tmpfs")
    target = Target(1024, directory)
    times = Times()
    plain = []
    write_plainly(directory, 1024)  # memory that the machine first has to find is found
    for _ in range(rounds):
        shutil.rmtree(directory / "images", ignore_errors=True)
        plain.append(write_plainly(directory, 1024))
        times.round(target, directory)
    target.end()
    header()
    print(f"{'plain write':36} {spread(plain)}")
    print(f"{'dump':36} {spread(times.dumps)}")
    print(f"{'restore':36} {spread(times.restores)}")
    print(f"dump / plain write: {aim(ratio(times.dumps, plain), 2.5)}")
    print(f"restore / plain write: {ratio(times.restores, plain):.2f}\n", flush=True)
