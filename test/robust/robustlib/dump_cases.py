# SPDX-License-Identifier: GPL-2.0-only
"""Dumps that must fail: their target runs on as it was, and no inventory vouches for the images."""

from __future__ import annotations

import ctypes
import fcntl
import os
import resource
import shutil
import signal
import subprocess
import termios
from contextlib import contextmanager
from pathlib import Path
from typing import Iterator

from .harness import Bench, Case, Cases, Failed, Outcome, Skipped, Target

PAGE_KIB = 4
PF_KTHREAD = 0x00200000  # include/linux/sched.h
PTRACE_SEIZE = 0x4206


@contextmanager
def small_tmpfs(bench: Bench, options: str) -> Iterator[Path]:
    place = bench.fresh("disk")
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "none", place], check=True)
    try:
        yield place
    finally:
        subprocess.run(["umount", place], check=True)


class DumpCases:
    def __init__(self, bench: Bench, target: Target) -> None:
        self.bench = bench
        self.target = target

    def _dump(self, images: Path, *args: str | Path, pid: int | None = None) -> Outcome:
        return self.bench.run("dump", "-t", str(pid or self.target.pid), "-D", images, *args)

    def _refused(self, pattern: str, images: Path, *args: str | Path, pid: int | None = None) -> None:
        """A dump that fails and leaves the target (whether it is the one dumped or not) alone."""
        maps = self.target.maps()
        outcome = self._dump(images, *args, pid=pid)
        outcome.must_refuse(pattern, exactly_one=True)
        self.target.must_be_untouched(maps)
        self.bench.must_leave_nothing()
        if (images / "inventory.img").exists():
            raise Failed("an inventory was written")

    def full_disk(self) -> str:
        whole = self.bench.fresh("img")
        maps = self.target.maps()
        outcome = self._dump(whole, "-R")
        if outcome.status != 0:
            raise Failed(f"a plain dump fails: {outcome.text}")
        self.target.must_be_untouched(maps)
        files = list(whole.iterdir())
        needed = sum(-(-f.stat().st_size // (PAGE_KIB * 1024)) for f in files)
        sizes = sorted({1, 2, 3, 5, 8, 13, needed // 4, needed // 2, needed * 3 // 4, needed - 4, needed - 2})
        for pages in sizes:
            with small_tmpfs(self.bench, f"size={pages * PAGE_KIB}k") as disk:
                self._refused("No space left", disk)
        for inodes in range(2, len(files), 3):
            with small_tmpfs(self.bench, f"nr_inodes={inodes}") as disk:
                self._refused("No space left", disk)
        return f"{len(sizes)} sizes below the {needed} pages needed, inodes below {len(files)}"

    def read_only_disk(self) -> None:
        with small_tmpfs(self.bench, "size=1m,ro") as disk:
            self._refused("Read-only file system", disk)

    def missing_directory(self) -> None:
        self._refused("cannot open the images directory", self.bench.home / "nowhere")

    def older_dump(self) -> None:
        """One that is refused leaves an older dump whole; one that fails half-way does not vouch for it."""
        images = self.bench.fresh("img")
        (images / "inventory.img").write_bytes(b"older")
        pid = self._free_pid()
        self._dump(images, pid=pid).must_refuse(f"there is no task {pid}", exactly_one=True)
        if (images / "inventory.img").read_bytes() != b"older":
            raise Failed("a dump that was refused has changed the older one")
        with small_tmpfs(self.bench, f"size={13 * PAGE_KIB}k") as disk:
            (disk / "inventory.img").write_bytes(b"older")
            self._refused("No space left", disk)

    @staticmethod
    def _free_pid() -> int:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
        return pid

    def no_such_pid(self) -> None:
        pid = self._free_pid()
        self._refused(f"there is no task {pid}", self.bench.fresh("img"), pid=pid)

    def thread(self) -> None:
        pids = (self.target.pid, self.target.child)
        threads = [(int(path.name), pid) for pid in pids for path in Path(f"/proc/{pid}/task").iterdir()
                   if path.name != str(pid)]
        if not threads:
            raise Failed("the target has no threads")
        for tid, pid in threads:
            self._refused(f"{tid} is a thread of process {pid}", self.bench.fresh("img"), pid=tid)

    def no_room(self) -> None:
        """In its address space, by its limit."""
        old = resource.prlimit(self.target.pid, resource.RLIMIT_AS)
        resource.prlimit(self.target.pid, resource.RLIMIT_AS, (1 << 16, old[1]))
        try:
            self._refused("leave no room for it", self.bench.fresh("img"))
        finally:
            resource.prlimit(self.target.pid, resource.RLIMIT_AS, old)

    def zombie(self) -> None:
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
        self.bench.known.add(pid)
        try:
            self._refused(f"task {pid} is a zombie", self.bench.fresh("img"), pid=pid)
        finally:
            os.waitpid(pid, 0)
            self.bench.known.discard(pid)

    def kernel_thread(self) -> None:
        try:
            fields = Path("/proc/2/stat").read_text().rsplit(")", 1)[1].split()
        except FileNotFoundError:
            raise Skipped("there is no task 2 here") from None
        if not int(fields[6]) & PF_KTHREAD:
            raise Skipped("task 2 is no kernel thread here")
        self._refused("task 2 is a kernel thread", self.bench.fresh("img"), pid=2)

    def traced(self) -> None:
        """By a process that is no part of the tree."""
        r, w = os.pipe()
        tracer = os.fork()
        if tracer == 0:
            libc = ctypes.CDLL(None, use_errno=True)
            rc = libc.ptrace(PTRACE_SEIZE, self.target.child, None, None)
            os.write(w, b"y" if rc == 0 else b"n")
            signal.pause()
            os._exit(0)
        self.bench.known.add(tracer)
        try:
            if os.read(r, 1) != b"y":
                raise Failed("the test could not trace the target")
            outcome = self._dump(images := self.bench.fresh("img"))
            outcome.must_refuse(f"task {self.target.child} is traced by {tracer} already", exactly_one=True)
            if (images / "inventory.img").exists():
                raise Failed("an inventory was written")
            if not self.target.counts_on():
                raise Failed("the target does not go on")
        finally:
            os.kill(tracer, signal.SIGKILL)
            os.waitpid(tracer, 0)
            os.close(r), os.close(w)
            self.bench.known.discard(tracer)

    def itself(self) -> None:
        images = self.bench.fresh("img")
        command = f'exec {self.bench.criu} dump -j -t $$ -D {images}'
        self.bench.run_command(["sh", "-c", command]).must_refuse("criu itself")

    def ancestor(self) -> None:
        images = self.bench.fresh("img")
        command = f'{self.bench.criu} dump -j -t $$ -D {images}; status=$?; exit $status'
        self.bench.run_command(["sh", "-c", command]).must_refuse("criu itself")
        if (images / "inventory.img").exists():
            raise Failed("an inventory was written")

    def no_session_leader(self) -> None:
        self._refused("--shell-job", self.bench.fresh("img"), pid=self.target.child)

    def rmfork_without_kernel(self) -> None:
        if Path("/dev/rmfork").exists():
            raise Skipped("this kernel has /dev/rmfork")
        self._refused("rmfork", self.bench.fresh("img"), "--enable-rmfork")

    def work_directory_gone(self) -> None:
        """Statistics are the last thing written: the target must not be ended without."""
        images = self.bench.fresh("img")
        maps = self.target.maps()
        outcome = self._dump(images, "-W", self.bench.home / "nowhere")
        outcome.must_refuse("nowhere", exactly_one=True)
        self.target.must_be_untouched(maps)

    @contextmanager
    def _sleeper(self, program: str | Path = "sleep", **descriptors: object) -> Iterator[int]:
        """A task of a session of its own, that is to run on with a dump refused."""
        fds = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen([program, "1000"], start_new_session=True, **(fds | descriptors)) as process:
            self.bench.known.add(process.pid)
            try:
                yield process.pid
                if process.poll() is not None:
                    raise Failed("the task has ended")
            finally:
                process.kill()
                process.wait()
                self.bench.known.discard(process.pid)

    def program_not_executable(self) -> None:
        program = self.bench.home / "sleeper"
        shutil.copy(shutil.which("sleep") or "/bin/sleep", program)
        with self._sleeper(program) as pid:
            program.chmod(0o600)
            self._refused("may not be executed any more", self.bench.fresh("img"), pid=pid)

    def pipe_from_outside(self) -> None:
        """Whichever end is held outside of the tree, and also where the tree has both."""
        r, w = os.pipe()
        mine = rf"held by task {os.getpid()} \("
        try:
            with self._sleeper(stdin=r) as pid:
                self._refused(rf"task {pid}, fd 0 \(pipe:.*{mine}", self.bench.fresh("img"), pid=pid)
            with self._sleeper(stdout=w) as pid:
                self._refused(rf"task {pid}, fd 1 \(pipe:.*{mine}", self.bench.fresh("img"), pid=pid)
            with self._sleeper(stdin=r, stdout=w) as pid:
                self._refused(rf"pipe:.*{mine}", self.bench.fresh("img"), pid=pid)
        finally:
            os.close(r), os.close(w)

    def pipe_of_nobody_else(self) -> None:
        """Its other end is closed for good, or in the tree: that is no obstacle."""
        r, w = os.pipe()
        with self._sleeper(stdin=r, stdout=w) as pid:
            os.close(r), os.close(w)
            outcome = self._dump(self.bench.fresh("img"), "-R", pid=pid)
            if outcome.status != 0:
                raise Failed(f"the dump fails: {outcome.text}")
        r, w = os.pipe()
        with self._sleeper(stdin=r) as pid:
            os.close(r), os.close(w)
            outcome = self._dump(self.bench.fresh("img"), "-R", pid=pid)
            if outcome.status != 0:
                raise Failed(f"the dump fails: {outcome.text}")

    def two_terminals(self) -> None:
        """A restore has but one to give."""
        masters, slaves = zip(os.openpty(), os.openpty())
        try:
            with self._sleeper(stdin=slaves[0], stdout=slaves[0]) as pid:
                outcome = self._dump(self.bench.fresh("img"), "-R", "-j", pid=pid)
                if outcome.status != 0:
                    raise Failed(f"the dump fails: {outcome.text}")
            with self._sleeper(stdin=slaves[0], stdout=slaves[1]) as pid:
                self._refused("fd 1 .*another terminal", self.bench.fresh("img"), "-j", pid=pid)
            with self._sleeper(stdin=slaves[0], stdout=slaves[1], preexec_fn=self._take_terminal) as pid:
                self._refused("fd 0 .*inside of the tree, but its other end is not", self.bench.fresh("img"), "-j",
                              pid=pid)
            # Not the terminal that its session has.
            with self._sleeper(stdout=slaves[1], preexec_fn=lambda: self._take_terminal(slaves[0])) as pid:
                self._refused("fd 1 .*another terminal", self.bench.fresh("img"), "-j", pid=pid)
        finally:
            for fd in masters + slaves:
                os.close(fd)

    def terminal_of_the_tree(self) -> None:
        """The session that has the terminal is inside of the tree, the master is not: --shell-job is no help."""
        master, slave = os.openpty()
        key = f"tty\\[{os.fstat(slave).st_rdev:x}:.*\\]"
        text = f"inside of the tree, but its other end is not: --external {key}"
        try:
            with self._sleeper(stdin=slave, preexec_fn=self._take_terminal) as pid:
                self._refused(f"fd 0 .*{text}", self.bench.fresh("img"), pid=pid)
                self._refused(f"fd 0 .*{text}", self.bench.fresh("img"), "-j", pid=pid)
            with self._sleeper(stdout=slave, stdin=slave, preexec_fn=self._take_and_close) as pid:
                self._refused(f"fd 1 .*/dev/tty.*{text}", self.bench.fresh("img"), "-j", pid=pid)
            with self._sleeper(stdin=slave) as pid:
                self._refused(f"fd 0 .*use --shell-job, or --external {key}", self.bench.fresh("img"), pid=pid)
            # No descriptor of the tree leads there.
            with self._sleeper(preexec_fn=lambda: self._take_terminal(slave)) as pid:
                self._refused("session .*: its terminal .* belongs to the outside", self.bench.fresh("img"), pid=pid)
        finally:
            os.close(master), os.close(slave)

    def terminal_held_elsewhere(self) -> None:
        """Both ends are in the tree; here is one as well, and the terminal would stay when the tree has gone."""
        for kept in (0, 1):
            ends = os.openpty()
            with self._sleeper(stdin=ends[0], stdout=ends[1]) as pid:
                os.close(ends[1 - kept])
                self._refused(f"fd 0 .*{os.getpid()} .*has the terminal .* open too", self.bench.fresh("img"), pid=pid)
                os.close(ends[kept])
                outcome = self._dump(self.bench.fresh("img"), "-R", pid=pid)
                if outcome.status != 0:
                    raise Failed(f"the dump fails: {outcome.text}")

    @staticmethod
    def _take_and_close() -> None:
        """What is left of the terminal is /dev/tty."""
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        os.dup2(os.open("/dev/tty", os.O_RDWR), 1)
        os.dup2(os.open("/dev/null", os.O_RDWR), 0)

    @staticmethod
    def _take_terminal(fd: int = 0) -> None:
        fcntl.ioctl(fd, termios.TIOCSCTTY, 0)

    def log_file_impossible(self) -> None:
        self._refused("cannot open the log file", self.bench.fresh("img"), "-o", "/nowhere/dump.log")

    def cases(self) -> Cases:
        yield Case("dump: a full disk", self.full_disk)
        yield Case("dump: a read-only disk", self.read_only_disk)
        yield Case("dump: a directory that is missing", self.missing_directory)
        yield Case("dump: beside an older dump", self.older_dump)
        yield Case("dump: a pid that does not exist", self.no_such_pid)
        yield Case("dump: a thread", self.thread)
        yield Case("dump: a task without room in its address space", self.no_room)
        yield Case("dump: a program that may not be executed any more", self.program_not_executable)
        yield Case("dump: a zombie", self.zombie)
        yield Case("dump: a kernel thread", self.kernel_thread)
        yield Case("dump: a task that is traced", self.traced)
        yield Case("dump: criu itself", self.itself)
        yield Case("dump: criu's parent", self.ancestor)
        yield Case("dump: not the leader of its session", self.no_session_leader)
        yield Case("dump: --enable-rmfork where no kernel has it", self.rmfork_without_kernel)
        yield Case("dump: a work directory that is missing", self.work_directory_gone)
        yield Case("dump: a pipe that is held elsewhere", self.pipe_from_outside)
        yield Case("dump: a pipe that is held nowhere else", self.pipe_of_nobody_else)
        yield Case("dump: two terminals", self.two_terminals)
        yield Case("dump: a terminal of the tree's own", self.terminal_of_the_tree)
        yield Case("dump: a terminal that is held elsewhere", self.terminal_held_elsewhere)
        yield Case("dump: a log file that cannot be made", self.log_file_impossible)
