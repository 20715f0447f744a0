#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Measures dump and restore, each next to a peer in the same run.

    bench.py native          an empty process, many of one thing, and 1 GiB next to a plain write of as much
    bench.py compare         page images and rmfork next to another criu; for the VM
    bench.py all             native, then compare in the VM on the stock kernel

Times are of whole commands, in milliseconds: least, median, most. Peers take turns within a round, so that
what disturbs one disturbs the other. Nothing fails for being slow: aims are told, not asserted. `--json FILE` keeps
what compare has found, for bench-plot.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import subprocess
import sys
import tempfile
from pathlib import Path

from benchlib import report
from benchlib.compare import SIZES, compare
from benchlib.native import native
from benchlib.target import BUILD, TOP

PR_SET_CHILD_SUBREAPER = 36
GUEST_JSON = "/tmp/bench.json"
# The largest target, four restored copies of it, its page images, and ubmem, which holds one snapshot at a time.
GUEST_MIB, UBMEM_MIB = 5120, 640


def in_vm(args: argparse.Namespace) -> int:
    file = args.json or BUILD / "bench.json"
    command = ["scripts/vm", "-k", "stock", "--mem", str(GUEST_MIB), "--timeout", "3000",
               "--module-args", f"ubmem_mb={UBMEM_MIB}", "--get", f"{GUEST_JSON}:{file}", "test/bench/bench.py", "compare",
               "--rounds", str(args.rounds), "--json", GUEST_JSON, "--peer", args.peer,
               "--sizes", ",".join(map(str, args.sizes))]
    return subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL).returncode


def measure(args: argparse.Namespace, directory: Path) -> None:
    if args.what != "compare":
        return native(directory, args.rounds)
    result = compare(directory, args.peer, args.rounds, args.sizes)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1) + "\n")
    print(report.text(result))


def sizes(text: str) -> list[int]:
    return sorted({0, *map(int, text.split(","))})


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["native", "compare", "all"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--sizes", type=sizes, default=SIZES, metavar="MIB,...")
    parser.add_argument("--peer", default="/usr/sbin/criu")
    parser.add_argument("--json", type=Path, metavar="FILE")
    args = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="bench-") as name:
        measure(args, Path(name))
    return in_vm(args) if args.what == "all" else 0


if __name__ == "__main__":
    sys.exit(main())
