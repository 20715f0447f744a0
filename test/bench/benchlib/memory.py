# SPDX-License-Identifier: GPL-2.0-only
"""
What many restores from one set of images take, all of them running at once.

Counted are the proportional sets (PSS) of the restored tasks, their page tables, and what the snapshot takes in ubmem
beyond the pages that are in some task's set already. ubmem itself is reserved when the module is loaded; page images are
not counted, as they may lie on a disk.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from benchlib.target import MIB
from benchlib.ways import Dumped, Way, rmforkctl

# What a restore may leave of the memory that is available: page tables, the helpers, the images' own growth.
SPARE = 0.85
PAGE = 4096


def kib_of(path: Path, key: str) -> int:
    for line in path.read_text().splitlines():
        if line.startswith(key + ":"):
            return int(line.split()[1])
    sys.exit(f"bench: {path} has no {key}")


def available() -> int:
    return kib_of(Path("/proc/meminfo"), "MemAvailable") * 1024


class Clone:
    """One restore in a pid namespace of its own."""

    SCRIPT = '"$@" >&2 && echo up && exec sleep 100000'

    def __init__(self, way: Way, images: Path, number: int) -> None:
        self._work = images.parent / f"clone-{number}"
        self._work.mkdir(exist_ok=True)
        command = way.restore_command(images) + ["-W", str(self._work)]
        self._errors = open(self._work / "stderr", "w+", encoding="utf-8")
        self._process = subprocess.Popen(
            ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "sh", "-c", self.SCRIPT, "sh", *command],
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._errors, text=True, start_new_session=True)

    def pid(self) -> int:
        """Of the restored task, once it runs."""
        assert self._process.stdout
        if self._process.stdout.readline() != "up\n":
            self._errors.seek(0)
            sys.exit(f"bench: one of the restores at once has failed:\n{self._errors.read()}")
        return self._child(self._child(self._process.pid))

    @staticmethod
    def _child(pid: int) -> int:
        return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()


def in_use(way: Way, pids: list[int]) -> int:
    kib = sum(kib_of(Path(f"/proc/{pid}/smaps_rollup"), "Pss") + kib_of(Path(f"/proc/{pid}/status"), "VmPTE")
              for pid in pids)
    if not way.by_rmfork:
        return kib * 1024
    snapshots = rmforkctl("list")["snapshots"]
    return kib * 1024 + sum(s["stored_bytes"] - s["mapped_pages"] * PAGE for s in snapshots)


def after_restores(dumped: Dumped, way: Way, mib: int, counts: list[int]) -> dict[str, int | None]:
    """By the number of restores, bytes in use; None where so many do not fit."""
    clones: list[Clone] = []
    pids: list[int] = []
    used: dict[str, int | None] = {}
    room = available()
    try:
        for count in counts:
            if way.copies and count * mib * MIB > SPARE * room:
                used[str(count)] = None
                continue
            added = [Clone(way, dumped.images, len(clones) + i) for i in range(count - len(clones))]
            clones += added
            pids += [clone.pid() for clone in added]
            used[str(count)] = in_use(way, pids)
    finally:
        for clone in clones:
            clone.end()
    return used
