# SPDX-License-Identifier: GPL-2.0-only
"""Natively: an empty process, many of one thing, and 1 GiB next to a plain write of as much."""

from __future__ import annotations

import os
import re
import shutil
import statistics
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
        self.dumps.append(timed(command("dump", images, "-t", str(target.pid), "--tcp-established")))
        target.reap()
        self.restores.append(timed(command("restore", images, "-d", "--tcp-established")))


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


# What there is many of, and the aims for dump and restore, as multiples of those of an empty process.
MANY = [
    ("1,000 opens of one file", ("files", "1000"), 2.0, 2.0),
    ("500 ends of TCP connections", ("connections", "500"), 3.0, 3.0),
    ("200 threads", ("threads", "200"), 6.0, 4.0),
    ("200 processes", ("processes", "200"), 25.0, 45.0),
]


def many(directory: Path, rounds: int) -> None:
    """One after another in each round, so that a machine that is busy for a while is so for all."""
    print("\n== natively: many of one thing, as multiples of an empty process (medians)")
    rows = [("empty", (), 1.0, 1.0), *MANY]
    times = [Times() for _ in rows]
    for _ in range(rounds):
        for (_, more, _, _), of in zip(rows, times):
            target = Target(0, directory, *more)
            of.round(target, directory)
            target.end()
    print(f"{'':36} {'dump ms':>9} {'restore ms':>11}  multiples")
    for (name, more, *aims), of in zip(rows, times):
        ms = [1000 * statistics.median(t) for t in (of.dumps, of.restores)]
        line = f"{name:36} {ms[0]:9.1f} {ms[1]:11.1f}"
        if more:
            line += f"  {aim(ratio(of.dumps, times[0].dumps), aims[0])}"
            line += f", {aim(ratio(of.restores, times[0].restores), aims[1])}"
        print(line)


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

    many(directory, rounds)

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
    print(f"dump / plain write: {aim(ratio(times.dumps, plain), 1.15)}")
    print(f"restore / plain write: {ratio(times.restores, plain):.2f}\n", flush=True)
