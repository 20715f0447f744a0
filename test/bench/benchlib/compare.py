# SPDX-License-Identifier: GPL-2.0-only
"""All ways next to each other on one machine: times, bytes, system calls, memory. The result is plain JSON data."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchlib.calls import Calls
from benchlib.memory import after_restores
from benchlib.ways import Dumped, Way, ways

SIZES = [0, 16, 32, 64, 128, 256, 512]  # MiB; 0 is what is subtracted from the others
TABLE_SIZES = [16, 128, 512]
CLONES = [1, 4, 16]
CALLS_MIB = 128


class Result:
    """Of one way; a dump that several ways have in common counts for each of them."""

    def __init__(self, way: Way) -> None:
        self.way = way
        self.dump: dict[str, list[float]] = {}
        self.restore: dict[str, list[float]] = {}
        self.copied: dict[str, int] = {}
        self.memory: dict[str, dict[str, int | None]] = {}
        self.calls: dict[str, int] = {}

    def took(self, mib: int, dumped: Dumped, seconds: float) -> None:
        self.dump.setdefault(str(mib), []).append(dumped.seconds)
        self.restore.setdefault(str(mib), []).append(seconds)
        self.copied[str(mib)] = dumped.copied

    def json(self) -> dict:
        return {"name": self.way.name, "dump_s": self.dump, "restore_s": self.restore, "copied_bytes": self.copied,
                "memory_bytes": self.memory, "system_calls": self.calls}


class Comparison:
    def __init__(self, directory: Path, peer: str) -> None:
        self.directory = directory
        self.results = [Result(way) for way in ways(peer)]
        self.kinds = list(dict.fromkeys(result.way.dump for result in self.results))

    def of_kind(self, kind: str) -> list[Result]:
        return [result for result in self.results if result.way.dump == kind]

    def round(self, number: int, sizes: list[int], keep: bool) -> None:
        """One dump of each kind and one restore each way, per size; each round another one begins."""
        first = number % len(self.kinds)
        for mib in sizes:
            for kind in self.kinds[first:] + self.kinds[:first]:
                results = self.of_kind(kind)
                dumped = Dumped(results[0].way, mib, self.directory)
                turn = number % len(results)
                for result in results[turn:] + results[:turn]:
                    seconds = dumped.restore(result.way)
                    if keep:
                        result.took(mib, dumped, seconds)
                dumped.forget()

    def memory(self, mib: int) -> None:
        for kind in self.kinds:
            dumped = Dumped(self.of_kind(kind)[0].way, mib, self.directory)
            for result in self.of_kind(kind):
                result.memory[str(mib)] = after_restores(dumped, result.way, mib, CLONES)
            dumped.forget()

    def system_calls(self, mib: int) -> None:
        calls = Calls()
        for kind in self.kinds:
            results = self.of_kind(kind)
            dumped = Dumped(results[0].way, mib, self.directory, calls)
            for result in results:
                result.calls = {"dump": dumped.calls, "restore": calls.of(lambda: dumped.restore(result.way))}
            dumped.forget()


def version_of(program: str) -> str:
    said = subprocess.run([program, "--version"], check=True, capture_output=True, text=True).stdout
    return said.splitlines()[0].removeprefix("Version: ")


def compare(directory: Path, peer: str, rounds: int, sizes: list[int]) -> dict:
    if not Path("/dev/rmfork").exists():
        sys.exit("bench: the rmfork module is not loaded")
    comparison = Comparison(directory, peer)
    comparison.round(0, sizes[:2], keep=False)  # what is read for the first time has been read
    for number in range(rounds):
        print(f"bench: round {number + 1} of {rounds}", file=sys.stderr, flush=True)
        comparison.round(number, sizes, keep=True)
    print("bench: restores at once", file=sys.stderr, flush=True)
    for mib in sizes:
        if mib in TABLE_SIZES:
            comparison.memory(mib)
    comparison.system_calls(CALLS_MIB)
    return {"peer": version_of(peer), "rounds": rounds, "sizes_mib": sizes, "calls_mib": CALLS_MIB,
            "ways": [result.json() for result in comparison.results]}
