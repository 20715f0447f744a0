# SPDX-License-Identifier: GPL-2.0-only
"""
Just enough of the image format to see where the pages of a dump went.

An image is two magic numbers, then messages, each after its length (32 bits, little endian).
A pagemap image holds one pagemap_head, then pagemap_entry messages: vaddr = 1, nr_pages = 2,
in_parent = 3, flags = 4 (1 parent, 2 lazy, 4 present), nr_pages wider = 5.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

PE_PARENT, PE_LAZY, PE_PRESENT = 1, 2, 4
PAGE_SIZE = 4096


class ImageError(ValueError):
    """An image is not what the format says."""


@dataclass(frozen=True)
class PageRun:
    vaddr: int
    pages: int
    present: bool


def varint(data: bytes, at: int) -> tuple[int, int]:
    """The number at a place, and where it ends. Throws ImageError."""
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ImageError("bad varint")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, at


def fields(message: bytes) -> dict[int, int | bytes]:
    """A protobuf message's fields by number; of a repeated one the last."""
    found: dict[int, int | bytes] = {}
    at = 0
    while at < len(message):
        key, at = varint(message, at)
        number, wire = key >> 3, key & 7
        if wire == 0:
            found[number], at = varint(message, at)
        elif wire == 2:
            length, at = varint(message, at)
            found[number] = message[at : at + length]
            at += length
        elif wire in (1, 5):
            width = 8 if wire == 1 else 4
            found[number] = int.from_bytes(message[at : at + width], "little")
            at += width
        else:
            raise ImageError(f"wire type {wire}")
    if at != len(message):
        raise ImageError("truncated message")
    return found


def messages(path: Path) -> Iterator[bytes]:
    data = path.read_bytes()
    at = 8
    while at < len(data):
        if at + 4 > len(data):
            raise ImageError(f"{path.name}: truncated")
        (length,) = struct.unpack_from("<I", data, at)
        at += 4
        if at + length > len(data):
            raise ImageError(f"{path.name}: truncated")
        yield data[at : at + length]
        at += length


def _number(message: dict[int, int | bytes], key: int) -> int | None:
    value = message.get(key)
    return value if isinstance(value, int) else None


def page_runs(path: Path) -> list[PageRun]:
    runs = []
    for index, message in enumerate(messages(path)):
        if index == 0:
            continue  # the head: which pages image
        entry = fields(message)
        flags = _number(entry, 4)
        in_parent = bool(_number(entry, 3)) or bool((flags or 0) & PE_PARENT)
        present = not in_parent if flags is None else bool(flags & PE_PRESENT)
        pages = _number(entry, 5) or _number(entry, 2) or 0
        runs.append(PageRun(_number(entry, 1) or 0, pages, present))
    return runs


# Locked memory takes the ordinary path: mlock(2) passes over mappings with inserted pages. So do huge pages.
LOCKED_OR_HUGE = re.compile(r"\[(.* )?(lo|ht) .*\]$")
PRIVATE_LINE = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) ..(.)(.) ", re.M)
# The kernel's own mappings have no private anonymous pages that rmfork could take.
KERNEL_MAPPING = re.compile(r"\[(vdso|vvar|vvar_vclock|vsyscall)\]")


def private_ranges(maps: str) -> list[tuple[int, int]]:
    """The private mappings that rmfork takes, in a snapshot's or /proc's maps text."""
    ranges = []
    for line in maps.splitlines():
        match = PRIVATE_LINE.match(line)
        if match and match[4] == "p" and not KERNEL_MAPPING.search(line) \
                and not LOCKED_OR_HUGE.search(line):
            ranges.append((int(match[1], 16), int(match[2], 16)))
    return ranges


def pages_not_by_rmfork(directory: Path, maps: dict[int, str]) -> list[str]:
    """
    What of the tasks' private memory went into a pages image though the kernel was to take it,
    and pages no pagemap explains. MAPS: the maps text of each task, by pid.
    """
    complaints = []
    explained = 0
    for path in sorted(directory.glob("pagemap-*.img")):
        runs = page_runs(path)
        explained += sum(run.pages for run in runs if run.present)
        match = re.fullmatch(r"pagemap-(\d+)\.img", path.name)
        if not match:
            continue  # pagemap-shmem-ID.img: shared memory takes the ordinary path
        ranges = private_ranges(maps.get(int(match[1]), ""))
        for run in runs:
            end = run.vaddr + run.pages * PAGE_SIZE
            if run.present and any(run.vaddr < stop and start < end for start, stop in ranges):
                complaints.append(f"{path.name}: private memory at {run.vaddr:#x}, {run.pages} pages")
    stored = sum(path.stat().st_size for path in directory.glob("pages-*.img"))
    if stored > explained * PAGE_SIZE:
        complaints.append(f"pages images hold {stored} bytes, the pagemaps explain {explained} pages")
    return complaints
