#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Takes program.py through dump and restore, checks what is claimed, and prints a table.

    run.py [--criu PATH] [--ways images,rmfork] [--mib N]

One and the same program goes through all the ways, one after the other. Run as root. The first
claim that is false ends the run with its text and status 1.
"""

import argparse
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from watch import FileWatch, adopt_orphans, end_of

HERE = Path(__file__).resolve().parent
TOP = HERE.parent.parent
PATIENCE = 120  # seconds until something that does not happen is a failure
DEATH = 10  # the same for the end of a killed process
MIB = 1 << 20


class Failure(Exception):
    pass


def claim(truth, text):
    if not truth:
        raise Failure(f"this is not true: {text}")
    print(f"  - {text}")


class Counter:
    """The program's file: what it says, and what must be true of every line of it."""

    def __init__(self, path):
        self.path = path
        self.watch = FileWatch(path)
        self.forget()

    def forget(self):
        """The next read checks every line again."""
        self.offset = self.number = self.asked = self.checks = 0
        self.digest = None

    def read(self):
        """Takes in the whole lines that are new; Failure if one is not as it must be."""
        with open(self.path, "rb") as file:
            if os.fstat(file.fileno()).st_size < self.offset:
                raise Failure("the counter file has become shorter")
            file.seek(self.offset)
            new = file.read()
        new = new[:new.rfind(b"\n") + 1]
        self.offset += len(new)
        for line in new.decode("ascii", "replace").splitlines():
            self.take(line)

    def take(self, line):
        words = line.split()
        if len(words) != 4 or not all(word.isdecimal() for word in words[:3]):
            raise Failure(f"line {self.number + 1} of the counter file is damaged: {line!r}")
        number, self.asked, self.checks = map(int, words[:3])
        if number != self.number + 1:
            raise Failure(f"the counter file has a gap: after {self.number} comes {number}")
        if self.asked != number:
            raise Failure(f"by the child's count it was asked {self.asked} times, not {number}")
        if self.digest not in (None, words[3]):
            raise Failure(f"line {number} of the counter file has another digest")
        self.number, self.digest = number, words[3]

    def wait_for(self, reached, what, pid):
        """Reads at each change of the file until reached()."""
        deadline = time.monotonic() + PATIENCE
        self.read()
        while not reached():
            if (status := end_of(pid)) is not None:
                raise Failure(f"the program ended with status {status} before {what}")
            if not self.watch.changed(1) and time.monotonic() >= deadline:
                raise Failure(f"{what} did not happen within {PATIENCE} seconds")
            self.read()


class Tree:
    """The pids of the program and of its child, and what /proc says of them."""

    def __init__(self, root):
        self.root = root
        children = Path(f"/proc/{root}/task/{root}/children").read_text(encoding="ascii").split()
        self.pids = [root, *map(int, children)]
        self.threads = {pid: self.threads_of(pid) for pid in self.pids}
        self.started = {pid: int(self.stat(pid)[19]) for pid in self.pids}

    @staticmethod
    def stat(pid):
        """Fields 3 and following of /proc/pid/stat (proc(5))."""
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii")
        return text[text.rfind(")") + 2:].split()

    @staticmethod
    def threads_of(pid):
        return sorted(int(name) for name in os.listdir(f"/proc/{pid}/task"))

    def existing(self):
        return [pid for pid in self.pids if os.path.exists(f"/proc/{pid}")]


class Demo:
    def __init__(self, options, home):
        self.options = options
        self.home = home
        self.rows = []
        self.program = None
        self.counter = None

    def run(self):
        self.start()
        for way in self.options.ways:
            self.rows.append(self.dump_and_restore(way))
        self.end()
        self.table()

    def start(self):
        path = self.home / "counter"
        path.touch()
        self.counter = Counter(path)
        with open(self.home / "program.log", "wb") as log:
            self.program = subprocess.Popen(
                [sys.executable, HERE / "program.py", path, str(self.options.mib)],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True).pid
        print(f"A Python program with {self.options.mib} MiB of random data, two threads and a child")
        counter = self.counter
        counter.wait_for(lambda: counter.number >= 10, "the count to ten", self.program)
        tree = Tree(self.program)
        claim(len(tree.pids) == 2 and len(tree.threads[self.program]) == 2,
              f"it runs as pids {tree.pids}, threads {tree.threads[self.program]}; "
              f"its counter is at {counter.number}")

    def dump_and_restore(self, way):
        rmfork = ["--enable-rmfork"] if way == "rmfork" else []
        print(f"\nDump and restore {'through the kernel (rmfork)' if rmfork else 'by page images'}")
        images = self.home / way
        images.mkdir()
        tree = Tree(self.program)
        dump = self.criu(images, "dump", ["-t", str(self.program), *rmfork])
        self.check_gone(tree)
        image_bytes = sum(p.stat().st_size for p in images.iterdir() if p.suffix != ".log")
        ubmem_bytes = self.check_where_memory_is(way, images, image_bytes)
        restore = self.criu(images, "restore", ["-d", *rmfork])
        self.check_goes_on(tree)
        shutil.rmtree(images)
        return way, dump, restore, image_bytes, ubmem_bytes

    def criu(self, images, verb, options):
        """Runs it; seconds."""
        command = [self.options.criu, verb, "-D", images, "-v3", "-o", f"{verb}.log", *options]
        print("  $ criu", *command[1:])
        start = time.monotonic()
        done = subprocess.run(command, stdin=subprocess.DEVNULL, timeout=PATIENCE, check=False)
        seconds = time.monotonic() - start
        if done.returncode != 0:
            self.show_log(images / f"{verb}.log")
            raise Failure(f"criu {verb} ended with status {done.returncode}")
        return seconds

    @staticmethod
    def show_log(path):
        if path.exists():
            print("".join(path.read_text(encoding="utf-8").splitlines(True)[-20:]), file=sys.stderr)

    def check_gone(self, tree):
        for pid in tree.pids:
            status = end_of(pid, DEATH)
            if status is None:
                raise Failure(f"pid {pid} still exists {DEATH} seconds after the dump")
            if status != -signal.SIGKILL:
                raise Failure(f"pid {pid} ended with status {status}, not by the dump")
        self.counter.read()
        claim(not tree.existing(), f"gone: no process {' and no process '.join(map(str, tree.pids))}; "
                                   f"the counter stands at {self.counter.number}")

    def check_where_memory_is(self, way, images, image_bytes):
        """How many bytes ubmem has."""
        data = self.options.mib * MIB
        if way == "images":
            claim(image_bytes >= data, f"the images hold its memory: {image_bytes:,} bytes")
            return 0
        log = (images / "dump.log").read_text(encoding="utf-8")
        found = re.search(r"RMFork: (\d+) bytes in ubmem", log)
        if not found:
            raise Failure("the log of the dump does not tell how much is in ubmem")
        ubmem_bytes = int(found[1])
        claim(ubmem_bytes >= data, f"ubmem holds its memory: {ubmem_bytes:,} bytes")
        claim(image_bytes < data // 16, f"the images do not: {image_bytes:,} bytes")
        return ubmem_bytes

    def check_goes_on(self, tree):
        counter = self.counter
        number = counter.number  # at the dump: no process has written since
        if not os.path.exists(f"/proc/{self.program}"):
            raise Failure(f"there is no process {self.program} after the restore")
        now = Tree(self.program)
        claim(now.pids == tree.pids and now.threads == tree.threads,
              f"back: the same pids {now.pids}, the same threads {now.threads[self.program]}")
        claim(all(now.started[pid] > tree.started[pid] for pid in now.pids)
              and int(now.stat(now.pids[1])[1]) == self.program,
              "they are new processes, and the second is the child of the first")
        # The second line after the restore was begun after it; what it counts may be older.
        counter.wait_for(lambda: counter.number >= number + 2, "a line after the restore",
                         self.program)
        checks = counter.checks
        counter.wait_for(lambda: counter.checks > checks + self.options.mib,
                         "a check of all the data after the restore", self.program)
        claim(counter.number > number,
              f"the counter file goes on without a gap, from {number} to {counter.number}")
        claim(counter.asked == counter.number,
              f"the child has answered through its pipe, each of {counter.asked} times")
        claim(counter.checks > checks + self.options.mib,
              f"the data still has its SHA-256: {counter.checks - checks} MiB of {self.options.mib} "
              "checked since the restore")

    def end(self):
        print("\nThe end of the program, by SIGTERM")
        os.kill(self.program, signal.SIGTERM)
        status = end_of(self.program, PATIENCE)
        self.program = None
        said = (self.home / "program.log").read_text(encoding="utf-8").strip()
        claim(status == 0 and said == "",
              f"it has checked its data once more, and its child its own: status {status}, "
              f"{said or 'no complaint'}")
        self.counter.forget()
        self.counter.read()
        claim(self.counter.number > 0,
              f"the counter file has {self.counter.number} lines, without a gap")

    def stop(self):
        """After a failure there may still be a program; its child ends with it."""
        if self.program is not None and os.path.exists(f"/proc/{self.program}"):
            os.kill(self.program, signal.SIGKILL)
            end_of(self.program, DEATH)

    def table(self):
        names = {"images": "page images", "rmfork": "rmfork"}
        print("\n" + f"{'':28}" + "".join(f"{names[r[0]]:>16}" for r in self.rows))
        for title, column, shape in (("time of the dump, s", 1, ".2f"),
                                     ("time of the restore, s", 2, ".2f"),
                                     ("bytes in the images", 3, ",d"),
                                     ("bytes in ubmem", 4, ",d")):
            print(f"{title:28}" + "".join(f"{r[column]:>16{shape}}" for r in self.rows))
        print()


def parse():
    parser = argparse.ArgumentParser(description="dump and restore a program, and check it")
    parser.add_argument("--criu", type=Path,
                        default=TOP / os.environ.get("O", "build") / "criu/criu")
    parser.add_argument("--ways", type=lambda text: text.split(","), default=["images", "rmfork"])
    parser.add_argument("--mib", type=int, default=128, help="data of the program (default: 128)")
    options = parser.parse_args()
    for way in options.ways:
        if way not in ("images", "rmfork"):
            parser.error(f"{way} is none of images, rmfork")
    return options


def main():
    options = parse()
    sys.stdout.reconfigure(line_buffering=True)
    home = Path(tempfile.mkdtemp(prefix="criu-demo-"))
    adopt_orphans()
    demo = Demo(options, home)
    try:
        demo.run()
    except (Failure, OSError, subprocess.TimeoutExpired) as error:
        demo.show_log(home / "program.log")
        print(f"demo: {error}", file=sys.stderr)
        print("demo: FAIL")
        return 1
    finally:
        demo.stop()
        shutil.rmtree(home)
    print("demo: PASS")
    return 0


if __name__ == "__main__":
    sys.exit(main())
