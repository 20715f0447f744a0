# SPDX-License-Identifier: GPL-2.0-only
"""Tables of what compare.py has measured: as text, as AsciiDoc, as Markdown; and what was aimed at."""

from __future__ import annotations

import statistics
from collections.abc import Callable

from benchlib.target import MIB, aim

MEMORY_PART = ("Memory part: the median time with that much memory less the median time of the same program with 0 MiB, "
               "in the same run.")
MEMORY = ("In use: PSS and page tables of the restored tasks, and what of ubmem is in no PSS; ubmem itself is reserved at "
          "load. Page images are not counted. Lazy restores: before anything is touched.")
NO_ROOM = "-: so many copies do not fit into this machine's memory."
OURS, PEER, SHARED, LAZY, COPYING = range(5)


def median_ms(seconds: list[float]) -> float:
    return statistics.median(seconds) * 1000


class Figures:
    """What can be asked of a result of compare()."""

    def __init__(self, result: dict) -> None:
        self.result = result
        self.ways = result["ways"]
        self.sizes = [mib for mib in result["sizes_mib"] if mib]
        self.table_sizes = [mib for mib in self.sizes if str(mib) in self.ways[0]["memory_bytes"]]

    def ms(self, way: dict, verb: str, mib: int) -> float:
        return median_ms(way[f"{verb}_s"][str(mib)])

    def memory_part_ms(self, way: dict, verb: str, mib: int) -> float:
        return self.ms(way, verb, mib) - self.ms(way, verb, 0)

    def in_use_mib(self, way: dict, mib: int, count: str) -> str:
        used = way["memory_bytes"][str(mib)][count]
        return "-" if used is None else f"{used / MIB:.0f}"

    @property
    def counts(self) -> list[str]:
        return list(self.ways[0]["memory_bytes"][str(self.table_sizes[0])])

    @property
    def some_do_not_fit(self) -> bool:
        return any(used is None for way in self.ways for sizes in way["memory_bytes"].values() for used in sizes.values())


def rows(figures: Figures) -> tuple[list[str], list[list[str]]]:
    """The whole table, by medians: its head and its lines."""
    head = ["", "MiB", "dump, ms", "memory part", "restore, ms", "memory part", "MiB copied",
            *(f"in use, {n}" for n in figures.counts)]
    lines = []
    for mib in figures.table_sizes:
        for way in figures.ways:
            times = [f"{get(way, verb, mib):.0f}" for verb in ("dump", "restore")
                     for get in (figures.ms, figures.memory_part_ms)]
            lines.append([way["name"], str(mib), *times, f"{way['copied_bytes'][str(mib)] / MIB:.1f}",
                          *(figures.in_use_mib(way, mib, n) for n in figures.counts)])
    return head, lines


def calls_rows(figures: Figures) -> tuple[list[str], list[list[str]]]:
    mib = figures.result["calls_mib"]
    return (["system calls", f"dump of {mib} MiB", f"restore of {mib} MiB"],
            [[way["name"], str(way["system_calls"]["dump"]), str(way["system_calls"]["restore"])]
             for way in figures.ways])


def short_rows(figures: Figures) -> tuple[list[str], list[list[str]]]:
    small, middle, large = figures.table_sizes[0], figures.table_sizes[len(figures.table_sizes) // 2], figures.sizes[-1]
    most = figures.counts[-1]
    head = ["", f"dump of {large} MiB, ms", *(f"restore of {mib} MiB, ms" for mib in (small, middle, large)),
            f"{most} restores of {middle} MiB take, MiB"]
    return head, [[way["name"], f"{figures.ms(way, 'dump', large):.0f}",
                   *(f"{figures.ms(way, 'restore', mib):.0f}" for mib in (small, middle, large)),
                   figures.in_use_mib(way, middle, most)] for way in figures.ways]


def notes(figures: Figures) -> list[str]:
    return [MEMORY_PART, MEMORY, *([NO_ROOM] if figures.some_do_not_fit else [])]


def aims(figures: Figures) -> list[str]:
    """Told, never asserted: the machine may be busy."""
    small, large = figures.sizes[0], figures.sizes[-1]
    ours, peer, shared, lazy = (figures.ways[i] for i in (OURS, PEER, SHARED, LAZY))
    part: Callable[[dict], float] = lambda way: figures.memory_part_ms(way, "restore", large)
    dump: Callable[[dict], float] = lambda way: figures.ms(way, "dump", large)
    lazy_ms = ", ".join(f"{figures.ms(lazy, 'restore', mib):.0f}" for mib in figures.table_sizes)
    return [
        f"{large} MiB, memory part of a restore, shared / Debian's criu: {aim(part(shared) / part(peer), 0.05)}",
        f"{large} MiB, dump, rmfork / Debian's criu: {aim(dump(shared) / dump(peer), 0.6)}",
        f"{large} MiB, dump, page images / Debian's criu: {dump(ours) / dump(peer):.2f}",
        f"lazy restore at {', '.join(map(str, figures.table_sizes))} MiB: {lazy_ms} ms; "
        f"{large} / {small} MiB: {figures.ms(lazy, 'restore', large) / figures.ms(lazy, 'restore', small):.2f} "
        "(aim: 1, but for noise)",
    ]


# How tables look.

def as_text(head: list[str], lines: list[list[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(head, *lines)]
    return "\n".join("  ".join([line[0].ljust(widths[0]), *(c.rjust(w) for c, w in zip(line[1:], widths[1:]))])
                     for line in (head, *lines))


def as_asciidoc(head: list[str], lines: list[list[str]]) -> str:
    columns = ",".join(["<3", *[">1"] * (len(head) - 1)])
    body = "\n".join("".join(f"|{cell} " for cell in line).rstrip() for line in lines)
    return f'[cols="{columns}",options="header"]\n|===\n' + "".join(f"|{cell} " for cell in head).rstrip() + \
        f"\n\n{body}\n|==="


def as_markdown(head: list[str], lines: list[list[str]]) -> str:
    return "\n".join("| " + " | ".join(line) + " |" for line in (head, ["---", *["--:"] * (len(head) - 1)], *lines))


def spreads(figures: Figures, verb: str) -> tuple[list[str], list[list[str]]]:
    """Least, median and most of every size."""
    lines = []
    for mib in (0, *figures.sizes):
        for way in figures.ways:
            ms = [t * 1000 for t in way[f"{verb}_s"][str(mib)]]
            lines.append([way["name"], str(mib), *(f"{v:.0f}" for v in (min(ms), statistics.median(ms), max(ms)))])
    return [verb, "MiB", "least", "median", "most"], lines


def text(result: dict) -> str:
    figures = Figures(result)
    spread = [as_text(*spreads(figures, verb)) for verb in ("dump", "restore")]
    return "\n\n".join([
        f"== in the VM, stock kernel, rmfork by the device; Debian's criu is {result['peer']}; {result['rounds']} rounds, "
        "ms",
        *spread, "medians:\n" + as_text(*rows(figures)), "\n".join(notes(figures)), as_text(*calls_rows(figures)),
        "\n".join(aims(figures))])
