#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""
Runs the test suites that `make check` is made of, two at a time, and adds up their totals. Of those that restore
processes on this machine there is never more than one at a time; beside it, and afterwards, run those that cannot
disturb it, such as all that have a machine of their own.

    check.py [--kernels | --all] [--only NAME ...] [--list] [-j N]

Every suite prints its own results and ends with a line `N passed, N failed, N skipped` (GoogleTest's
own summary is read as well). A suite that fails does not keep the others from running. The last
line is the sum; the exit status is 1 if anything failed, or a suite did not say how it ended.
"""

from __future__ import annotations

import argparse
import concurrent.futures
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

TOP = Path(__file__).resolve().parents[1]
BUILD = Path(os.environ.get("O", TOP / "build")).resolve()
VM = "scripts/vm"
# What is left out where our images are restored by Debian's criu, or the other way round.
PEER_CANNOT = "test/interop/peer-cannot.txt"
ACROSS = {way: f"test/interop/{way}.txt" for way in ("ours-to-peer", "peer-to-ours")}
SUMMARY = re.compile(r"^(\d+) passed, (\d+) failed(?:, (\d+) skipped)?$", re.M)
GTEST_PASSED = re.compile(r"^\[  PASSED  \] (\d+) tests?", re.M)
GTEST_FAILED = re.compile(r"^\[  FAILED  \] (\d+) tests?", re.M)
GTEST_SKIPPED = re.compile(r"^\[  SKIPPED \] (\d+) tests?", re.M)
GRACE = 30.0  # seconds to clear up in, for a suite whose time is over
Totals = tuple[int, int, int]  # passed, failed, skipped


@dataclass(frozen=True)
class Suite:
    name: str
    about: str
    command: list[str]
    timeout: float  # seconds
    target: str = "check"  # the first of make check, check-kernels and check-all that runs it
    apart: bool = False  # nothing that it does can be seen by another suite, nor the other way round
    part_of: str = ""  # the suite of make check-all that does all of this and more

    @property
    def is_apart(self) -> bool:
        return self.apart or self.command[0] == VM


def vm(kernel: str, timeout: int, *command: str) -> list[str]:
    return [VM, "-k", kernel, "--timeout", str(timeout - 60), *command]


def make(target: str) -> list[str]:
    """With nothing of a make that this program was started by."""
    return ["env", "-u", "MAKEFLAGS", "-u", "MAKELEVEL", "make", f"-j{os.cpu_count()}", f"O={BUILD}", target]


def rmfork_kernel(kernel: str, transport: str) -> list[str]:
    """The module's own test; it reloads the module, so it is given its file."""
    module = BUILD / f"rmfork/kernel-{kernel}/rmfork.ko"
    return [VM, "-k", kernel, "--timeout", "540", "--module-args", "ubmem_mb=16",
            "--put", f"{module}:/tmp/rmfork.ko", "build/rmfork/test/kernel/rmfork-kernel-test",
            "--transport", transport, "--module", "/tmp/rmfork.ko"]


def rmfork_range(kernel: str) -> list[str]:
    """The same, on a pool in a range of memory that the kernel does not use."""
    command = rmfork_kernel(kernel, "device")
    command[command.index("--module-args") + 1] = "ubmem_phys=0x40000000 ubmem_size=32M"
    return [*command[:3], "--append", "memmap=32M$0x40000000", *command[3:]]


def bridge(kernel: str, transport: str) -> list[str]:
    """Some of its cases fill the pool: a small one."""
    return vm(kernel, 900, "--module-args", "ubmem_mb=64", "test/rmfork/bridge-test", "--transport", transport)


def sharing(kernel: str, transport: str) -> list[str]:
    """A tree and clones of a size that differences in memory show."""
    return vm(kernel, 900, "--module-args", "ubmem_mb=320", "test/rmfork/sharing-test", "--transport", transport)


def faults(kernel: str, transport: str, *patterns: str) -> list[str]:
    return vm(kernel, 600, "--module-args", "ubmem_mb=64", "test/rmfork/faults-test", "--transport", transport,
              *patterns)


def breadth(kernel: str, transport: str) -> list[str]:
    return vm(kernel, 600, "--module-args", "ubmem_mb=128", "test/rmfork/breadth-test", "--transport", transport)


def kernel_cases(kernel: str, *names: str) -> list[str]:
    return vm(kernel, 900, "--boot-timeout", "150", "--module-args", "ubmem_mb=64", "test/cases/kernel-cases-test",
              *names)


def across(which: str) -> list[str]:
    """Images of one criu restored by the other: ours, and Debian's, which wants Debian's kernel."""
    ours, peer = "build/criu/criu", "/usr/sbin/criu"
    dumper, restorer = (ours, peer) if which == "ours-to-peer" else (peer, ours)
    return vm("stock", 600, "test/zdtm.py", "run", "-a", "--keep-going", "-j", "2", "--criu", dumper,
              "--restore-criu", restorer, "--ignore", "time,time_for_children",
              "--skips", PEER_CANNOT, "--skips", ACROSS[which])


def other_modes() -> list[Suite]:
    """For make check each has one half of the tests."""
    run = ["test/zdtm.py", "run", "-a", "--keep-going", "-j", "2", "--rmfork", "--rmfork-mode"]
    found = []
    for mode, how, half in (("lazy", "lazily", "1/2"), ("copy", "by copying", "2/2")):
        found += [Suite(f"vm-zdtm-{mode}", f"every second zdtm test by rmfork, restored {how}",
                        vm("stock", 900, *run, mode, "--part", half), 900, part_of=f"all-zdtm-{mode}"),
                  Suite(f"all-zdtm-{mode}", f"all zdtm tests by rmfork, restored {how}",
                        vm("stock", 900, *run, mode), 900, "check-all")]
    return found


def newer_kernel() -> list[Suite]:
    """What there is by the device, on the other kernel that Debian 12 has."""
    late = "check-kernels"
    kernel, zdtm = "6.12", ["test/zdtm.py", "run", "-a", "--keep-going", "-j", "2"]
    return [
        Suite("k612-zdtm", "all zdtm tests on 6.12", vm(kernel, 900, *zdtm), 900, late),
        Suite("k612-range", "rmfork on 6.12, on a pool that outlives the module", rmfork_range(kernel), 600, late),
        *(Suite(f"k612-zdtm-{mode}", f"all zdtm tests on 6.12, restored by rmfork {how}",
                vm(kernel, 900, *zdtm, "--rmfork", "--rmfork-mode", mode), 900, late)
          for mode, how in (("shared", "as always"), ("copy", "by copying"))),
        Suite("k612-bridge", "criu with --enable-rmfork on 6.12", bridge(kernel, "device"), 900, late),
        Suite("k612-sharing", "common memory and clones on 6.12", sharing(kernel, "device"), 900, late),
        Suite("k612-faults", "what goes wrong during dump and restore on 6.12", faults(kernel, "device"), 600, late),
        Suite("k612-breadth", "vast, swapped and written-out memory on 6.12", breadth(kernel, "device"), 600, late),
        Suite("k612-ctl", "rmforkctl on 6.12", ctl(kernel, "device"), 300, late),
        Suite("k612-programs", "programs with their clients come back on 6.12, by page images",
              vm(kernel, 1200, "test/programs/programs-test"), 1200, late),
        Suite("k612-remote", "a process moves from one machine to another, both of 6.12",
              ["test/rmfork/remote-test", "--kernel", kernel], 900, late, apart=True),
        Suite("k612-reset", "the machine is reset between dump and restore on 6.12",
              ["test/rmfork/reset-test", "--kernel", kernel], 600, late, apart=True),
        Suite("headers", "the module against all kernel headers there are", ["test/rmfork/headers-test"], 3600, late),
    ]


def ctl(kernel: str, transport: str) -> list[str]:
    return vm(kernel, 300, "--module-args", "ubmem_mb=64", "test/rmfork/ctl-test", "--transport", transport)


def on_filesystems() -> list[Suite]:
    """What a file is called, which device it is of and what is told of it is not the same on each."""
    return [Suite(f"zdtm-{kind}", f"all zdtm tests natively, in a directory of {kind}", ["test/files/on-filesystem", kind],
                  600, target)
            for kind, target in (("overlay", "check"), ("btrfs", "check"), ("xfs", "check-all"), ("ext4", "check-all"))
            ] + [Suite("ext4-directories", "directories of ext4, whose positions are hashes",
                       ["test/files/on-filesystem", "ext4", "zdtm/static/dir00", "zdtm/static/dir-rewind00"], 120,
                       part_of="zdtm-ext4")]


def random_test(*groups: str) -> list[str]:
    return ["test/random/random-test", *(word for group in groups for word in ("--group", group))]


def suites() -> list[Suite]:
    zdtm = "test/zdtm.py"
    every = ["run", "-a", "--keep-going"]
    alone = [word for file in (PEER_CANNOT, *ACROSS.values()) for word in ("--tests", file)]
    units = [Suite(f"unit:{Path(u).name}", "unit tests", [u], 120, apart=True)
             for u in os.environ.get("CHECK_UNIT", "").split()]
    return [
        Suite("layers", "who may know whom", ["scripts/check-layers"], 60, apart=True),
        Suite("includes", "each file includes what it uses", ["scripts/check-includes"], 60, apart=True),
        Suite("layers-self", "check-layers sees what goes wrong", ["python3", "-B", "test/layers-selftest"], 60,
              apart=True),
        Suite("kernel-lint", "the module as checkpatch and sparse want it", ["python3", "-B", "rmfork/test/lint/lint"], 600,
              apart=True),
        Suite("docs", "the man pages against --help", ["Documentation/check-options"], 60),
        Suite("docs-abi", "rmfork(7) against uapi.h", ["Documentation/check-abi"], 60),
        *units,
        Suite("zdtm-self", "the zdtm runner sees what goes wrong", ["python3", "test/zdtm/selftest.py"], 120,
              apart=True),
        Suite("zdtm", "all zdtm tests natively, their images read by Debian's crit",
              [zdtm, *every, "-j", "2", "--crit", "test/interop/crit-decode"], 600),
        *on_filesystems(),
        Suite("ctl", "rmforkctl where there is no rmfork", ["test/rmfork/ctl-native-test"], 120),
        Suite("options", "what the options do", ["test/options/options-test"], 120),
        Suite("files", "files and memory that others have a part in", ["test/files/files-test"], 120),
        Suite("programs", "programs with their clients come back", ["test/programs/programs-test"], 300),
        Suite("all-stressors", "what stress-ng does, to its end", ["test/stressors/stressors-test", "--all"], 3600, "check-all"),
        Suite("files-paths", "files by names that lead elsewhere, and their leases", ["test/files/paths-test"], 120),
        Suite("files-moment", "what a dump cannot take now and can a moment later", ["test/files/moment-test"], 120),
        Suite("files-outside", "files that belong to the outside", ["test/files/outside-test"], 120),
        Suite("files-segments", "System V shared memory that others have a part in", ["test/files/segments-test"], 120),
        Suite("files-terminals", "numbers and places of terminals", ["test/files/terminal-test"], 120),
        Suite("files-connections", "TCP connections to the outside", ["test/files/connections-test"], 120),
        Suite("files-interfaces", "sockets and the interfaces that they use", ["test/files/interfaces-test"], 120),
        Suite("files-sockets", "names of sockets, and what others do meanwhile", ["test/files/sockets-test"], 120),
        Suite("files-tun", "network devices that others have a part in", ["test/files/tun-test"], 120),
        Suite("files-bpf", "BPF maps that others have too", ["test/files/bpf-test"], 120),
        Suite("files-sockopts", "all that getsockopt tells", ["test/files/sockopts-test"], 120),
        Suite("files-aio", "asynchronous I/O that is under way", ["test/files/aio-test"], 120),
        Suite("files-vdso", "processes of a kernel with another vDSO", ["test/files/vdso-test"], 120),
        Suite("files-restorer", "what the process that restores has is not the tasks'", ["test/files/restorer-test"], 60),
        Suite("files-rseq", "a thread within a section of rseq(2), as CRIU dumps it", ["test/files/rseq-test"], 60),
        Suite("job", "a shell's job comes back on a terminal", ["test/job/job-test"], 120),
        Suite("robust", "damaged images, full disks, wrong options",
              ["test/robust/robust-test", "--flips", "200", "--faults", "40", "--dumps", "40"], 900,
              part_of="all-robust"),
        Suite("all-robust", "the same, with more of what is at random", ["test/robust/robust-test"], 1200, "check-all"),
        Suite("asan-robust", "damaged images for a criu with sanitizers", make("check-robust-asan"), 3600, "check-all"),
        Suite("asan-zdtm", "all zdtm tests natively, by a criu with sanitizers", make("check-zdtm-asan"), 3600, "check-all"),
        Suite("asan-unit", "the unit tests with sanitizers", make("check-unit-asan"), 3600, "check-all", apart=True),
        Suite("fuzz-sources", "what the fuzzer for images is made of, as clang sees it", make("check-fuzz-sources"), 900,
              apart=True, part_of="fuzz-images"),
        Suite("fuzz-images", "hostile images of open files, for the restore", make("fuzz-images"), 1800, "check-all",
              apart=True),
        Suite("demo-self", "the demo sees what goes wrong", ["python3", "-B", "test/demo/selftest"], 300),
        Suite("bench-self", "what the benchmark makes of its figures", ["python3", "-B", "test/bench/bench-test"], 60),
        Suite("check-self", "make check sees what goes wrong", ["python3", "-B", "test/check-selftest"], 120, apart=True),
        Suite("features-self", "rmfork's promises can be broken, and a case is there to notice",
              ["python3", "-B", "test/features/features-self"], 60),
        Suite("rmfork-self", "the tests of rmfork see what goes wrong", ["python3", "-B", "test/rmfork/selftest"], 120),
        Suite("cases", "programs that once came back wrong", ["test/cases/cases-test"], 300),
        Suite("random", "programs with random descriptors", random_test("files", "sockets"), 600, part_of="all-random"),
        Suite("all-random", "the same, with ten times as many of them",
              [*random_test("files", "sockets"), "--seeds", "1000"], 3600, "check-all"),
        Suite("random-trees", "random trees of processes", random_test("trees"), 600, part_of="all-random-trees"),
        Suite("all-random-trees", "the same, with ten times as many of them",
              [*random_test("trees"), "--seeds", "1000"], 3600, "check-all"),
        Suite("random-self", "their test sees what goes wrong", ["python3", "-B", "test/random/selftest"], 300),
        Suite("kill", "the dumper killed at random instants", ["test/kill/kill-test"], 600),
        Suite("fuzz-parsers", "hostile files and kernel answers for rmfork's library",
              ["rmfork/test/fuzz/run-parsers", "--seconds", "10"], 600, apart=True, part_of="all-fuzz-parsers"),
        Suite("all-fuzz-parsers", "the same, for a minute each, and damaged pools for parts of the module",
              ["rmfork/test/fuzz/run-parsers", "--seconds", "60"], 1800, "check-all", apart=True),
        Suite("fuzz-kernel", "hostile calls and contents for the module, on the debug kernel",
              ["rmfork/test/fuzz/run-kernel", "--seconds", "20"], 1800, apart=True),
        Suite("vm-self", "the test VM", ["test/vm/selftest"], 900, apart=True),
        Suite("vm-zdtm", "in the VM, the zdtm tests that Debian's criu has no part in",
              vm("stock", 900, zdtm, "run", *alone, "--keep-going", "-j", "2"), 900, part_of="all-zdtm"),
        Suite("all-zdtm", "all zdtm tests in the VM", vm("stock", 900, zdtm, *every, "-j", "2"), 900, "check-all"),
        Suite("vm-programs", "programs with their clients come back by rmfork",
              # One processor: qemu reads an instruction byte by byte while another one writes it, which a compiler
              # that runs beside its program does (Java's), and runs one that is made of both.
              vm("stock", 1200, "--cpus", "1", "--module-args", "ubmem_mb=128", "test/programs/programs-test",
                 "--rmfork"), 1200),
        Suite("vm-ours-to-peer", "our images restored by Debian's criu", across("ours-to-peer"), 600),
        Suite("vm-peer-to-ours", "images of Debian's criu restored by us", across("peer-to-ours"), 600),
        Suite("vm-rmfork-device", "rmfork on the stock kernel, by the device",
              rmfork_kernel("stock", "device"), 600),
        Suite("vm-rmfork-6.12", "rmfork on Linux 6.12, by the device", rmfork_kernel("6.12", "device"), 600),
        Suite("vm-cases-device", "programs to which the module once gave something wrong", kernel_cases("stock"), 900),
        Suite("vm-cases-debug", "those of them that crash a kernel, where mistakes are looked for and allocations fail",
              kernel_cases("debug", "uaf", "dangling", "lazythp2", "thprace"), 900),
        Suite("vm-rmfork-range", "rmfork on a pool that outlives the module", rmfork_range("stock"), 600),
        Suite("vm-zdtm-device", "all zdtm tests by rmfork, by the device",
              vm("stock", 900, zdtm, *every, "-j", "2", "--rmfork"), 900),
        *other_modes(),
        Suite("vm-sharing-device", "common memory and clones, by the device", sharing("stock", "device"), 900),
        Suite("vm-bridge-device", "criu with --enable-rmfork, by the device", bridge("stock", "device"), 900),
        Suite("vm-bridge-syscall", "criu with --enable-rmfork, by syscall 454", bridge("rmfork", "syscall"), 900),
        Suite("vm-sharing-syscall", "common memory and clones, by syscall 454", sharing("rmfork", "syscall"), 900),
        Suite("vm-faults-device", "what goes wrong during dump and restore, by the device", faults("stock", "device"),
              600),
        Suite("vm-faults-syscall", "criu killed during a restore, by syscall 454",
              faults("rmfork", "syscall", "killed_restore"), 600),
        Suite("vm-breadth", "vast, swapped and written-out memory", breadth("stock", "device"), 600),
        Suite("reset", "the machine is reset between dump and restore", ["test/rmfork/reset-test"], 600, apart=True),
        Suite("remote", "a process moves from one machine to another", ["test/rmfork/remote-test"], 900, apart=True),
        Suite("kernels", "a process moves from one kernel to another", ["test/kernels/kernels-test"], 600, apart=True),
        Suite("vm-ctl-device", "rmforkctl, by the device", ctl("stock", "device"), 300),
        Suite("vm-ctl-syscall", "rmforkctl, by syscall 454", ctl("rmfork", "syscall"), 300),
        Suite("vm-rmfork-syscall", "rmfork by syscall 454",
              rmfork_kernel("rmfork", "syscall"), 600),
        Suite("vm-zdtm-syscall", "every second zdtm test by rmfork, by syscall 454",
              vm("rmfork", 900, zdtm, *every, "-j", "2", "--rmfork", "--part", "2/2"), 900,
              part_of="all-zdtm-syscall"),
        Suite("all-zdtm-syscall", "all zdtm tests by rmfork, by syscall 454",
              vm("rmfork", 900, zdtm, *every, "-j", "2", "--rmfork"), 900, "check-all"),
        *newer_kernel(),
    ]


def choose(args: argparse.Namespace) -> list[Suite]:
    """Those that are named, else those of one of the makes."""
    if args.only:
        return [s for s in suites() if any(s.name.startswith(n) for n in args.only)]
    if args.all:
        return [s for s in suites() if not s.part_of]
    target = "check-kernels" if args.kernels else "check"
    return [s for s in suites() if s.target == target]


def unittest_totals(output: str) -> Totals | None:
    """Python's unittest: `Ran N tests in ...`, then `OK` or `FAILED (failures=1, errors=1)`."""
    ran = re.findall(r"^Ran (\d+) tests? in .*\n\n(OK|FAILED)(?: \((.*)\))?$", output, re.M)
    if not ran:
        return None
    number, _, details = ran[-1]
    counts = {key: int(value) for key, value in re.findall(r"(\w+)=(\d+)", details)}
    failed = counts.get("failures", 0) + counts.get("errors", 0)
    skipped = counts.get("skipped", 0)
    return int(number) - failed - skipped, failed, skipped


def totals(output: str) -> Totals | None:
    """The last summary in the output: passed, failed, skipped."""
    found = SUMMARY.findall(output)
    if found:
        return int(found[-1][0]), int(found[-1][1]), int(found[-1][2] or 0)
    counts = [re.findall(pattern, output) for pattern in (GTEST_PASSED, GTEST_FAILED, GTEST_SKIPPED)]
    if counts[0] or counts[1]:
        passed, failed, skipped = (int(c[-1]) if c else 0 for c in counts)
        return passed, failed, skipped
    return unittest_totals(output)


class TimeIsOver(Exception):
    pass


class Limit:
    """
    The time that a process and what it has started have. When it is over they are told, so that they can clear up;
    then killed; and what is held by others even then is waited for no more.
    """

    def __init__(self, process: subprocess.Popen[bytes], seconds: float, grace: float) -> None:
        self._group, self._grace = process.pid, grace
        self._until = time.monotonic() + seconds
        self._measures = [signal.SIGTERM, signal.SIGKILL]
        self.was_reached = False

    def wait_for(self, fd: int) -> None:
        """Until it can be read. The process must not have been reaped: its group has its number."""
        while True:
            left = self._until - time.monotonic()
            if left <= 0:
                self._take_measures()
            elif select.select([fd], [], [], left)[0]:
                return

    def _take_measures(self) -> None:
        self.was_reached = True
        self._until = time.monotonic() + self._grace
        if not self._measures:
            raise TimeIsOver
        os.killpg(self._group, self._measures.pop(0))


class Running:
    """The process groups of the suites that run, which end with this program."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # of all below; held for no time
        self._groups: set[int] = set()
        self._is_over = False

    def add(self, group: int) -> None:
        with self._lock:
            self._groups.add(group)
            if self._is_over:
                os.killpg(group, signal.SIGTERM)

    def remove(self, group: int) -> None:
        with self._lock:
            self._groups.discard(group)

    def end(self) -> None:
        with self._lock:
            self._is_over = True
            for group in self._groups:
                os.killpg(group, signal.SIGTERM)


RUNNING = Running()


def show_now(line: str) -> None:
    print(line, end="", flush=True)


def show(process: subprocess.Popen[bytes], limit: Limit, say: Callable[[str], None]) -> Iterator[str]:
    """The output, line by line as it comes, and then the end of the process."""
    fd, rest = process.stdout.fileno(), b""
    while True:
        limit.wait_for(fd)
        got = os.read(fd, 1 << 16)
        *lines, rest = (rest + got).split(b"\n")
        if not got and rest:
            lines, rest = [rest], b""
        for line in lines:
            text = line.decode(errors="replace") + "\n"
            say("    " + text)
            yield text
        if not got:
            break
    pidfd = os.pidfd_open(process.pid)
    try:
        limit.wait_for(pidfd)
    finally:
        os.close(pidfd)


def run(suite: Suite, grace: float = GRACE, say: Callable[[str], None] = show_now) -> tuple[Totals | None, int]:
    """Says the output as it comes, and returns its totals and the exit status."""
    output: list[str] = []
    # A session of its own, to be ended as a whole.
    with subprocess.Popen(suite.command, cwd=TOP, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, start_new_session=True) as process:
        limit = Limit(process, suite.timeout, grace)
        RUNNING.add(process.pid)
        try:
            output.extend(show(process, limit, say))
        except TimeIsOver:
            say(f"    {suite.name} does not even end when it is killed\n")
        except BaseException:
            RUNNING.end()  # a Ctrl-C does not reach its session
            raise
        finally:
            RUNNING.remove(process.pid)
        status = process.wait()
    if limit.was_reached:
        say(f"    {suite.name} takes longer than {suite.timeout} s: ended\n")
        status = status or 1
    return totals("".join(output)), status


@dataclass(frozen=True)
class Row:
    name: str
    passed: int
    failed: int
    skipped: int
    seconds: float


def run_one(suite: Suite, say: Callable[[str], None] = show_now) -> Row:
    say(f"=== {suite.name}: {suite.about}\n")
    start = time.monotonic()
    counts, status = run(suite, say=say)
    bad = status != 0 or counts is None
    # A suite that fails without saying of what has failed as a whole.
    passed, failed, skipped = counts or (0, 0, 0)
    return Row(suite.name, passed, failed or int(bad), skipped, time.monotonic() - start)


def take_next(waiting: list[Suite], running: Iterable[Suite]) -> Suite | None:
    """The first that may run beside these. None: there is none until one of them has ended."""
    others = [] if any(not suite.is_apart for suite in running) else [s for s in waiting if not s.is_apart]
    found = next(iter(others + [s for s in waiting if s.is_apart]), None)
    if found:
        waiting.remove(found)
    return found


def run_together(suites: list[Suite], jobs: int) -> Iterator[Row]:
    """So many at a time; each is shown as a whole when it has ended."""

    def one(suite: Suite) -> tuple[Row, list[str]]:
        said: list[str] = []
        return run_one(suite, said.append), said

    waiting = list(suites)
    running: dict[concurrent.futures.Future[tuple[Row, list[str]]], Suite] = {}
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        try:
            while waiting or running:
                while len(running) < jobs and (suite := take_next(waiting, running.values())):
                    running[pool.submit(one, suite)] = suite
                for future in concurrent.futures.wait(running, return_when=concurrent.futures.FIRST_COMPLETED).done:
                    del running[future]
                    row, said = future.result()
                    show_now("".join(said))
                    yield row
        except BaseException:
            RUNNING.end()
            raise


def run_all(suites: list[Suite], jobs: int) -> Iterator[Row]:
    if jobs > 1:
        yield from run_together(suites, jobs)
    else:
        yield from map(run_one, suites)


def end_suites_with_us() -> None:
    """A signal to end becomes an exception, which run() passes on."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda n, _: sys.exit(128 + n))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--only", action="append", metavar="NAME", help="only suites whose name begins so")
    parser.add_argument("--list", action="store_true", help="list the suites")
    parser.add_argument("-j", "--jobs", type=int, default=2, metavar="N",
                        help="so many at a time of the suites that do not disturb each other (default: 2)")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--kernels", action="store_true", help="the suites of make check-kernels instead")
    which.add_argument("--all", action="store_true", help="all of them, less what others of them do as well")
    args = parser.parse_args()
    chosen = choose(args)
    if args.list:
        for suite in chosen:
            print(f"{suite.name:20} {suite.about}")
        return 0
    end_suites_with_us()
    rows = list(run_all(chosen, args.jobs))
    print(f"\n{'suite':20} {'passed':>7} {'failed':>7} {'skipped':>7} {'seconds':>8}")
    for row in rows:
        print(f"{row.name:20} {row.passed:7} {row.failed:7} {row.skipped:7} {row.seconds:8.1f}")
    failed = sum(row.failed for row in rows)
    print(f"\n{sum(row.passed for row in rows)} passed, {failed} failed, {sum(row.skipped for row in rows)} skipped")
    return 1 if failed or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
