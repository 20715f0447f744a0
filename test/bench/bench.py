#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Measures dump and restore, each next to a peer in the same run.

    bench.py native          an empty process, and 1 GiB next to a plain write of as much
    bench.py compare         both memory paths next to another criu; for the VM
    bench.py all             native, then compare in the VM on the stock kernel

Times are of whole commands, in milliseconds: least, median, most. Peers take turns within a round, so that
what disturbs one disturbs the other. Nothing fails for being slow: aims are told, not asserted.
"""

from __future__ import annotations

import argparse
import ctypes
import fcntl
import os
import re
import shutil
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

TOP = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("O", TOP / "build"))
PR_SET_CHILD_SUBREAPER = 36
MIB = 1 << 20
# rmfork/uapi.h
RMFORK_FREE = 5
RMFORK_IOCTL = 0xC030FA54  # _IOWR(0xFA, 0x54, struct rmfork_kargs)


class Process:
    """The target, through all its dumps and restores: this process reaps it each time."""

    def __init__(self, mib: int, directory: Path) -> None:
        ready = directory / "ready"
        ready.unlink(missing_ok=True)
        child = subprocess.Popen(
            [BUILD / "test/bench/target", str(mib), ready], start_new_session=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd="/",
        )
        self.pid = child.pid
        child.returncode = 0  # reaped here, not by subprocess
        while not ready.exists():
            if os.waitpid(self.pid, os.WNOHANG)[0]:
                sys.exit(f"bench: the target of {mib} MiB has ended")
            time.sleep(0.01)

    def reap(self) -> None:
        os.waitpid(self.pid, 0)

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        self.reap()


def timed(command: list[str]) -> float:
    start = time.monotonic()
    result = subprocess.run(command, capture_output=True, text=True)
    took = time.monotonic() - start
    if result.returncode != 0:
        sys.exit(f"bench: {' '.join(command)} gave {result.returncode}:\n{result.stderr}")
    return took


def fresh(directory: Path) -> Path:
    images = directory / "images"
    shutil.rmtree(images, ignore_errors=True)
    images.mkdir()
    return images


def directory_bytes(directory: Path) -> int:
    return sum(p.stat().st_size for p in directory.iterdir())


class Tool:
    """One way to dump and restore; collects its times."""

    def __init__(self, name: str, criu: str, options: list[str] | None = None) -> None:
        self.name = name
        self._criu = criu
        self._options = options or []
        self.dumps: list[float] = []
        self.restores: list[float] = []
        self.image_bytes = 0

    def _command(self, verb: str, images: Path, *more: str) -> list[str]:
        return [self._criu, verb, "-D", str(images), "-o", f"{verb}.log", *self._options, *more]

    def round(self, target: Process, directory: Path) -> None:
        images = fresh(directory)
        self.dumps.append(timed(self._command("dump", images, "-t", str(target.pid))))
        target.reap()
        self.image_bytes = directory_bytes(images)
        self.restores.append(timed(self._command("restore", images, "-d")))

    def forget(self, directory: Path) -> None:
        """Frees what a dump by rmfork left in ubmem: snapshots live until then."""
        meta = directory / "images/rmfork.meta"
        if not meta.exists():
            return
        kargs = struct.pack("6L", RMFORK_FREE, 0, 0, int(meta.read_text(), 16), 0, 0)
        with open("/dev/rmfork", "rb") as device:
            fcntl.ioctl(device, RMFORK_IOCTL, bytearray(kargs))

    def system_calls(self, target: Process, directory: Path) -> dict[str, int]:
        """How many a dump and a restore make, tasks included, by strace -f -c."""
        counts = {}
        for verb, more in (("dump", ["-R", "-t", str(target.pid)]),):
            images = fresh(directory)
            log = directory / "strace"
            subprocess.run(["strace", "-f", "-c", "-o", log, *self._command(verb, images, *more)], check=True,
                           capture_output=True)
            match = re.search(r"^100\.00.*?(\d+)\s+(?:\d+ )?total$", log.read_text(), re.M)
            counts[verb] = int(match[1]) if match else 0
        return counts


def spread(times: list[float]) -> str:
    ms = [t * 1000 for t in times]
    return f"{min(ms):9.1f} {statistics.median(ms):9.1f} {max(ms):9.1f}"


def ratio(a: list[float], b: list[float]) -> float:
    return statistics.median(a) / statistics.median(b)


def aim(value: float, limit: float) -> str:
    return f"{value:.2f} (aim: at most {limit}: {'met' if value <= limit else 'not met'})"


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
    criu = str(BUILD / "criu/criu")
    print("== natively: an empty process")
    target = Process(0, directory)
    tool = Tool("criu", criu)
    for _ in range(rounds * 4):
        tool.round(target, directory)
    calls = tool.system_calls(target, directory)
    target.end()
    header()
    print(f"{'dump':36} {spread(tool.dumps)}  aim: median under 25")
    print(f"{'restore':36} {spread(tool.restores)}  aim: median under 25")
    print(f"system calls of a dump: {calls['dump']}")

    print("\n== natively: 1 GiB, next to a plain write of 1 GiB to the same tmpfs")
    target = Process(1024, directory)
    tool = Tool("criu", criu)
    plain = []
    write_plainly(directory, 1024)  # memory that the machine first has to find is found
    for _ in range(rounds):
        shutil.rmtree(directory / "images", ignore_errors=True)
        plain.append(write_plainly(directory, 1024))
        tool.round(target, directory)
    target.end()
    header()
    print(f"{'plain write':36} {spread(plain)}")
    print(f"{'dump':36} {spread(tool.dumps)}")
    print(f"{'restore':36} {spread(tool.restores)}")
    print(f"dump / plain write: {aim(ratio(tool.dumps, plain), 2.5)}")
    print(f"restore / plain write: {ratio(tool.restores, plain):.2f}")


def compare(directory: Path, rounds: int, mib: int, peer: str) -> None:
    criu = str(BUILD / "criu/criu")
    tools = [Tool("pages images", criu), Tool("rmfork", criu, ["--enable-rmfork"]), Tool("the other criu", peer)]
    version = subprocess.run([peer, "--version"], capture_output=True, text=True).stdout.split("\n")[0]
    print(f"== in the VM: {mib} MiB, next to {peer} ({version}) on the same program", flush=True)
    for _ in range(rounds):
        for tool in tools:
            target = Process(mib, directory)  # a tool may leave it where another cannot dump it
            tool.round(target, directory)
            target.end()
            tool.forget(directory)
    header()
    base = tools[-1]
    for tool in tools:
        print(f"{tool.name + ': dump':36} {spread(tool.dumps)}  x {ratio(tool.dumps, base.dumps):.2f}")
        print(f"{tool.name + ': restore':36} {spread(tool.restores)}  x {ratio(tool.restores, base.restores):.2f}")
        print(f"{tool.name + ': bytes of images':36} {tool.image_bytes:9}")
    print(f"rmfork restore / the other's: {aim(ratio(tools[1].restores, base.restores), 0.3)}")


def in_vm(rounds: int, mib: int) -> int:
    command = ["scripts/vm", "-k", "stock", "--mem", "4096", "--timeout", "900",
               "--module-args", f"ubmem_mb={2 * mib}", "test/bench/bench.py", "compare",
               "--rounds", str(rounds), "--mib", str(mib)]
    return subprocess.run(command, cwd=TOP, stdin=subprocess.DEVNULL).returncode


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["native", "compare", "all"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--mib", type=int, default=256)
    parser.add_argument("--peer", default="/usr/sbin/criu")
    args = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    runs: dict[str, Callable[[Path], None]] = {
        "native": lambda d: native(d, args.rounds),
        "compare": lambda d: compare(d, args.rounds, args.mib, args.peer),
    }
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="bench-") as name:
        runs["native" if args.what == "all" else args.what](Path(name))
    return in_vm(args.rounds, args.mib) if args.what == "all" else 0


if __name__ == "__main__":
    sys.exit(main())
