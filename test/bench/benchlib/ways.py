# SPDX-License-Identifier: GPL-2.0-only
"""The five ways to dump and to restore, and what a dump takes."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from pathlib import Path

from benchlib.calls import Calls
from benchlib.target import BUILD, CRIU, Target, fresh, timed

RMFORKCTL = str(BUILD / "rmfork/tools/rmforkctl")


def rmforkctl(*args: str) -> dict:
    command = [RMFORKCTL, *args, "--json"]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


@dataclass(frozen=True)
class Way:
    """One way to restore. Ways with the same `dump` restore from the images of one dump."""

    name: str
    dump: str
    program: str
    dump_options: tuple[str, ...] = ()
    restore_options: tuple[str, ...] = ()
    copies: bool = True  # each restored task gets memory of its own for all its pages

    @property
    def by_rmfork(self) -> bool:
        return "--enable-rmfork" in self.dump_options

    def dump_command(self, images: Path, target: Target) -> list[str]:
        return [self.program, "dump", "-D", str(images), "-o", "dump.log", *self.dump_options, "-t", str(target.pid)]

    def restore_command(self, images: Path, log: str = "restore.log") -> list[str]:
        return [self.program, "restore", "-D", str(images), "-o", log, *self.restore_options, "-d"]


def ways(peer: str) -> list[Way]:
    rmfork = ("--enable-rmfork", "--rmfork-transport", "device")
    return [
        Way("page images", "page images", CRIU),
        Way("Debian's criu", "Debian's criu", peer),
        Way("rmfork shared", "rmfork", CRIU, rmfork, (*rmfork, "--rmfork-mode", "shared"), copies=False),
        Way("rmfork lazy", "rmfork", CRIU, rmfork, (*rmfork, "--rmfork-mode", "lazy"), copies=False),
        Way("rmfork copying", "rmfork", CRIU, rmfork, (*rmfork, "--rmfork-mode", "copy")),
    ]


class Dumped:
    """A target of its own, dumped away: its memory lies in the images, or in ubmem."""

    def __init__(self, way: Way, mib: int, directory: Path, calls: Calls | None = None) -> None:
        self.way = way
        self.seconds, self.calls = 0.0, 0
        self.images = fresh(directory)
        self.target = Target(mib, directory)
        free = self._free()
        if calls:
            self.calls = calls.of(self._dump)
        else:
            self._dump()
        # What the pages take where they lie now.
        self.copied = free - self._free() if way.by_rmfork else sum(
            file.stat().st_size for file in self.images.glob("pages-*.img"))

    def _dump(self) -> None:
        self.seconds = timed(self.way.dump_command(self.images, self.target))
        self.target.reap()

    def _free(self) -> int:
        return rmforkctl("status")["free_bytes"] if self.way.by_rmfork else 0

    def restore(self, way: Way) -> float:
        """The seconds it takes; the target runs then, and is ended."""
        seconds = timed(way.restore_command(self.images))
        self.target.end()
        return seconds

    def forget(self) -> None:
        fresh(self.images.parent)
        if self.way.by_rmfork:
            rmforkctl("free", "--all")
