#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Runs the test suites that `make check` is made of, one after another, and adds up their totals.

    check.py [--only NAME ...] [--list]

Every suite prints its own results and ends with a line `N passed, N failed, N skipped` (GoogleTest's
own summary is read as well). A suite that fails does not keep the others from running. The last
line is the sum; the exit status is 1 if anything failed, or a suite did not say how it ended.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("O", TOP / "build")).resolve()
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
GTEST_PASSED = re.compile(r"^\[  PASSED  \] (\d+) tests?", re.M)
GTEST_FAILED = re.compile(r"^\[  FAILED  \] (\d+) tests?", re.M)
GTEST_SKIPPED = re.compile(r"^\[  SKIPPED \] (\d+) tests?", re.M)


@dataclass(frozen=True)
class Suite:
    name: str
    about: str
    command: list[str]
    timeout: int  # seconds


def vm(kernel: str, timeout: int, *command: str) -> list[str]:
    return ["scripts/vm", "-k", kernel, "--timeout", str(timeout - 60), *command]


def rmfork_kernel(kernel: str, transport: str) -> list[str]:
    """The module's own test; it reloads the module, so it is given its file."""
    module = BUILD / f"rmfork/kernel-{kernel}/rmfork.ko"
    return ["scripts/vm", "-k", kernel, "--timeout", "540", "--module-args", "ubmem_mb=16",
            "--put", f"{module}:/tmp/rmfork.ko", "build/rmfork/test/kernel/rmfork-kernel-test",
            "--transport", transport, "--module", "/tmp/rmfork.ko"]


def rmfork_range() -> list[str]:
    """The same, on a pool in a range of memory that the kernel does not use."""
    command = rmfork_kernel("stock", "device")
    command[command.index("--module-args") + 1] = "ubmem_phys=0x40000000 ubmem_size=32M"
    return [*command[:3], "--append", "memmap=32M$0x40000000", *command[3:]]


def bridge(kernel: str, transport: str) -> list[str]:
    """Some of its cases fill the pool: a small one."""
    return vm(kernel, 900, "--module-args", "ubmem_mb=64", "test/rmfork/bridge-test", "--transport", transport)


def sharing(kernel: str, transport: str) -> list[str]:
    """A tree and clones of a size that differences in memory show."""
    return vm(kernel, 900, "--module-args", "ubmem_mb=320", "test/rmfork/sharing-test", "--transport", transport)


def ctl(kernel: str, transport: str) -> list[str]:
    return vm(kernel, 300, "--module-args", "ubmem_mb=64", "test/rmfork/ctl-test", "--transport", transport)


def suites() -> list[Suite]:
    zdtm = "test/zdtm.py"
    every = ["run", "-a", "--keep-going"]
    units = [Suite(f"unit:{Path(u).name}", "unit tests", [u], 120) for u in os.environ.get("CHECK_UNIT", "").split()]
    return [
        Suite("layers", "who may know whom", ["scripts/check-layers"], 60),
        Suite("docs", "the man pages against --help", ["Documentation/check-options"], 60),
        Suite("docs-abi", "rmfork(7) against uapi.h", ["Documentation/check-abi"], 60),
        *units,
        Suite("zdtm-self", "the zdtm runner sees what goes wrong", ["python3", "test/zdtm/selftest.py"], 120),
        Suite("zdtm", "all zdtm tests natively, their images read by Debian's crit",
              [zdtm, *every, "-j", "2", "--crit", "test/interop/crit-decode"], 600),
        Suite("ctl", "rmforkctl where there is no rmfork", ["test/rmfork/ctl-native-test"], 120),
        Suite("options", "what the options do", ["test/options/options-test"], 120),
        Suite("robust", "damaged images, full disks, wrong options", ["test/robust/robust-test"], 900),
        Suite("demo-self", "the demo sees what goes wrong", ["python3", "-B", "test/demo/selftest"], 300),
        Suite("kill", "the dumper killed at random instants", ["test/kill/kill-test"], 600),
        Suite("vm-self", "the test VM", ["test/vm/selftest"], 900),
        Suite("vm-zdtm", "all zdtm tests in the VM", vm("stock", 900, zdtm, *every, "-j", "2"), 900),
        Suite("vm-rmfork-device", "rmfork on the stock kernel, by the device",
              rmfork_kernel("stock", "device"), 600),
        Suite("vm-rmfork-range", "rmfork on a pool that outlives the module", rmfork_range(), 600),
        Suite("vm-zdtm-device", "all zdtm tests by rmfork, by the device",
              vm("stock", 900, zdtm, *every, "-j", "2", "--rmfork"), 900),
        *(Suite(f"vm-zdtm-{mode}", f"all zdtm tests by rmfork, restored {how}",
                vm("stock", 900, zdtm, *every, "-j", "2", "--rmfork", "--rmfork-mode", mode), 900)
          for mode, how in (("lazy", "lazily"), ("copy", "by copying"))),
        Suite("vm-sharing-device", "common memory and clones, by the device", sharing("stock", "device"), 900),
        Suite("vm-bridge-device", "criu with --enable-rmfork, by the device", bridge("stock", "device"), 900),
        Suite("vm-bridge-syscall", "criu with --enable-rmfork, by syscall 454", bridge("rmfork", "syscall"), 900),
        Suite("vm-sharing-syscall", "common memory and clones, by syscall 454", sharing("rmfork", "syscall"), 900),
        Suite("remote", "a process moves from one machine to another", ["test/rmfork/remote-test"], 900),
        Suite("vm-ctl-device", "rmforkctl, by the device", ctl("stock", "device"), 300),
        Suite("vm-ctl-syscall", "rmforkctl, by syscall 454", ctl("rmfork", "syscall"), 300),
        Suite("vm-rmfork-syscall", "rmfork by syscall 454",
              rmfork_kernel("rmfork", "syscall"), 600),
        Suite("vm-zdtm-syscall", "all zdtm tests by rmfork, by syscall 454",
              vm("rmfork", 900, zdtm, *every, "-j", "2", "--rmfork"), 900),
        Suite("fuzz-parsers", "hostile files and kernel answers for rmfork's library",
              ["rmfork/test/fuzz/run-parsers", "--seconds", "10"], 600),
    ]


def unittest_totals(output: str) -> tuple[int, int, int] | None:
    """Python's unittest: `Ran N tests in ...`, then `OK` or `FAILED (failures=1, errors=1)`."""
    ran = re.findall(r"^Ran (\d+) tests? in .*\n\n(OK|FAILED)(?: \((.*)\))?$", output, re.M)
    if not ran:
        return None
    number, _, details = ran[-1]
    counts = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", details)}
    failed = counts.get("failures", 0) + counts.get("errors", 0)
    skipped = counts.get("skipped", 0)
    return int(number) - failed - skipped, failed, skipped


def totals(output: str) -> tuple[int, int, int] | None:
    """The last summary in the output: passed, failed, skipped."""
    found = SUMMARY.findall(output)
    if found:
        return int(found[-1][0]), int(found[-1][1]), int(found[-1][2] or 0)
    counts = [re.findall(pattern, output) for pattern in (GTEST_PASSED, GTEST_FAILED, GTEST_SKIPPED)]
    if counts[0] or counts[1]:
        passed, failed, skipped = (int(c[-1]) if c else 0 for c in counts)
        return passed, failed, skipped
    return unittest_totals(output)


def run(suite: Suite) -> tuple[tuple[int, int, int] | None, int]:
    """Shows the output as it comes, and returns its totals and the exit status."""
    output = []
    with subprocess.Popen(
        suite.command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, errors="replace",
    ) as process:
        assert process.stdout
        deadline = time.monotonic() + suite.timeout
        for line in process.stdout:
            print("   ", line, end="", flush=True)
            output.append(line)
            if time.monotonic() > deadline:
                process.terminate()
                print(f"    {suite.name} takes longer than {suite.timeout} s: ended", flush=True)
                break
        status = process.wait()
    return totals("".join(output)), status


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="only suites whose name begins so")
    parser.add_argument("--list", action="store_true", help="list the suites")
    args = parser.parse_args()
    chosen = [s for s in suites() if not args.only or any(s.name.startswith(n) for n in args.only)]
    if args.list:
        for suite in chosen:
            print(f"{suite.name:20} {suite.about}")
        return 0
    rows = []
    for suite in chosen:
        print(f"=== {suite.name}: {suite.about}", flush=True)
        start = time.monotonic()
        counts, status = run(suite)
        bad = status != 0 or counts is None
        # A suite that fails without saying of what has failed as a whole.
        passed, failed, skipped = counts or (0, 0, 0)
        rows.append((suite.name, passed, failed or int(bad), skipped, time.monotonic() - start))
    print(f"\n{'suite':20} {'passed':>7} {'failed':>7} {'skipped':>7} {'seconds':>8}")
    for name, passed, failed, skipped, seconds in rows:
        print(f"{name:20} {passed:7} {failed:7} {skipped:7} {seconds:8.1f}")
    passed, failed, skipped = (sum(row[i] for row in rows) for i in (1, 2, 3))
    print(f"\n{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
