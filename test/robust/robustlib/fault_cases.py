# SPDX-License-Identifier: GPL-2.0-only
"""Lets system calls of criu, or of the tasks that it makes, fail, one in each run: a dump leaves the tree as it was or
makes images that a restore makes the whole tree of, and a restore does that or leaves nothing."""

from __future__ import annotations

import os
import random
import re
import shutil
import signal
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "kill"))
from aim import Aim, TaskAim, following, plain  # noqa: E402
from .image_fields import values
from .harness import Bench, Case, Cases, Failed, Outcome, Target, listing

ERRORS = ("EIO", "ENOMEM", "EACCES", "EMFILE", "ENOSPC")
# Of these calls nothing depends on the result, or they have one in any case.
NO_LOOKS = frozenset({"close", "getpid", "mmap", "munmap", "mprotect", "rt_sigprocmask", "clone3", "recvmsg"})
TIMEOUT = 20.0  # seconds
CLOCKS_TURN = 1.1  # seconds, after which all values that tell a time have changed
TRACED = "is it traced already"


class FaultCases:
    """The tree is gone at the beginning and at the end; images are what it was dumped to."""

    def __init__(self, bench: Bench, target: Target, images: Path, faults: int) -> None:
        self.bench = bench
        self.target = target
        self.images = images
        self.faults = faults
        self.trace = bench.fresh("faults") / "trace"

    def _restore(self, images: Path, under: list[str]) -> Outcome:
        return self.bench.run_command([*under, self.bench.criu, "restore", "-d", "-D", images], TIMEOUT)

    def _dump(self, images: Path, under: list[str], *args: str) -> Outcome:
        pid = str(self.target.pid)
        outcome = self.bench.run_command([*under, self.bench.criu, "dump", "-t", pid, "-D", images, *args], TIMEOUT)
        if outcome.status == 0 and not args:
            self.bench.kill_strangers()  # which reaps what is dead
        return outcome

    def _must_be_whole(self) -> None:
        if not self.target.settles():
            raise Failed(f"the tree is not whole: {self.target.complaint()}")

    @staticmethod
    def _must_say_why(outcome: Outcome) -> None:
        if outcome.status != 1 or not outcome.errors():
            raise Failed(f"it ends with {outcome.status} and {outcome.text[-300:]!r}")

    def _one_restore(self, under: list[str]) -> str:
        outcome = self._restore(self.images, under)
        try:
            if outcome.status == 0:
                self._must_be_whole()
                return "whole"
            self._must_say_why(outcome)
            self.bench.must_leave_nothing()
            self._must_leave_no_files(under)
            return "gone"
        finally:
            self.bench.kill_strangers()

    def _must_leave_no_files(self, under: list[str]) -> None:
        left = self._remove_files()
        if left and not under[-1].startswith("inject=unlink"):
            raise Failed(f"files were left: {left}")

    def _remove_files(self) -> set[str]:
        """A restore that was killed, or could not unlink, may have left one that has a name for a moment only."""
        left = listing(self.target.home) - self.target.files
        for name in left:
            (self.target.home / name).unlink()
        return left

    @staticmethod
    def _must_restore(outcome: Outcome) -> None:
        if outcome.status != 0:
            raise Failed(f"a plain restore fails: {outcome.text[-300:]!r}")

    def restores(self) -> str:
        self._remove_files()
        self._must_restore(self._restore(self.images, plain(self.trace)))
        self.bench.kill_strangers()
        ends = self._try(self._at_random(Aim(self.trace)), self._one_restore)
        return f"{ends['gone']} trees gone, {ends['whole']} whole all the same"

    def _one_release(self, under: list[str]) -> str:
        *looking, what, fault = under
        end = self._one_restore([*looking, what, "trace=ptrace,shutdown,wait4", what, fault])
        after = self.trace.read_text().partition("(INJECTED)")[2]
        reaped, told = re.search(r"^wait4\((?!.*WIFSTOPPED).* = [1-9]", after, re.M), after.find("\nshutdown(")
        if end == "whole" or told < 0:
            return end
        if reaped and reaped.start() < told:
            raise Failed("tasks are reaped before the keeper has ended, which kills whoever has their numbers")
        return "kept"

    def releases(self) -> str:
        """Whoever should kill the tasks if criu is killed has ended when they are reaped."""
        self._remove_files()
        self._must_restore(self._restore(self.images, plain(self.trace)))
        self.bench.kill_strangers()
        ends = self._try(list(Aim(self.trace).faults("ptrace", self.trace, "EACCES")), self._one_release)
        if not ends["kept"]:
            raise Failed("in none of them had the keeper been told of the tasks")
        return f"{ends['gone'] + ends['kept']} trees gone, {ends['whole']} whole all the same"

    def _one_unfinished(self, under: list[str]) -> str:
        outcome = self._restore(self.images, under)
        try:
            self._must_say_why(outcome)
            self.bench.must_leave_nothing()
            self._must_leave_no_files(under)
            return "late" if TRACED in outcome.text else "early"
        finally:
            self.bench.kill_strangers()

    def tasks(self) -> str:
        """Of tasks that strace follows criu cannot be the tracer: each of these restores fails, at its end at the latest."""
        self._remove_files()
        if self._one_unfinished(following(self.trace)) != "late":
            raise Failed("a restore that is looked at fails for another reason than that")
        ends = self._try(self._at_random(TaskAim(self.trace)), self._one_unfinished)
        if ends["early"] < self.faults // 3:
            raise Failed(f"only {ends['early']} of {self.faults} faults were met")
        return f"{ends['early']} restores failed by it, {ends['late']} went on to their end"

    def _one_dump(self, under: list[str]) -> str:
        maps = self.target.maps()
        images = self.bench.fresh("img")
        outcome = self._dump(images, under)
        if outcome.status != 0:
            self._must_say_why(outcome)
            self.target.must_be_untouched(maps)
            return "untouched"
        restored = self._restore(images, [])
        if restored.status != 0:
            raise Failed(f"it says that all is well, and the restore fails: {restored.text[-300:]!r}")
        self._must_be_whole()
        return "dumped"

    def _dumps(self, shots: Callable[[Aim], Iterable[list[str]]]) -> str:
        self._remove_files()
        self._must_restore(self._restore(self.images, []))
        try:
            self._must_be_whole()
            images = self.bench.fresh("img")
            if self._dump(images, plain(self.trace)).status != 0 or self._restore(images, []).status != 0:
                raise Failed("a plain dump or restore fails")
            self._must_be_whole()
            ends = self._try(shots(Aim(self.trace)), self._one_dump)
            return f"{ends['untouched']} trees untouched, {ends['dumped']} dumped all the same"
        finally:
            self.bench.kill_strangers()

    def dumps(self) -> str:
        return self._dumps(self._at_random)

    def requests(self) -> str:
        """What fails once in a task is no reason to leave it half changed."""
        return self._dumps(lambda aim: list(aim.faults("ptrace", self.trace, "EACCES")))

    def losses(self) -> str:
        """A dump that goes on although it could not look at something has found it in another way: its images are the
        same. The tree stands still for all of it."""
        self._remove_files()
        self._must_restore(self._restore(self.images, []))
        tasks = (self.target.pid, self.target.child)
        try:
            self._must_be_whole()
            self.target.stop()
            one = self._values(self._look([]))
            time.sleep(CLOCKS_TURN)
            two = self._values(self._look([]))
            same = {name: [a if a == b else None for a, b in zip(one[name], two[name])] for name in one.keys() & two.keys()}
            self._look(plain(self.trace))
            shots = list(Aim(self.trace).faults_of_each_kind(NO_LOOKS, self.trace, "EACCES"))
            ends = self._try(shots, lambda under: self._one_look(under, same))
            for pid in tasks:
                os.kill(pid, signal.SIGCONT)
            self.target.must_go_on()
            return f"{len(shots)} kinds of calls: {ends['refused']} dumps refused, {ends['same']} found the same"
        finally:
            self.bench.kill_strangers()

    def _look(self, under: list[str]) -> Path:
        images = self.bench.fresh("img")
        outcome = self._dump(images, under, "--leave-running")
        if outcome.status != 0:
            raise Failed(f"a plain dump fails: {outcome.text[-300:]!r}")
        return images

    @staticmethod
    def _values(images: Path) -> dict[str, list]:
        # stats-dump, which is none of these, tells times that may be the same by chance.
        return {file.name: values(file.name, file.read_bytes()) for file in images.glob("*.img")}

    def _one_look(self, under: list[str], same: dict[str, list]) -> str:
        images = self.bench.fresh("img")
        outcome = self._dump(images, under, "--leave-running")
        if outcome.status != 0:
            self._must_say_why(outcome)
            return "refused"
        found = self._values(images)
        shutil.rmtree(images)
        for name, wanted in same.items():
            here = found.get(name, [])
            if len(here) != len(wanted):
                raise Failed(f"it says that all is well, and {name} has {len(here)} values for {len(wanted)}")
            for value, expected in zip(here, wanted):
                if expected is not None and value != expected:
                    raise Failed(f"it says that all is well, and {name} has {value} for {expected}")
        return "same"

    def _at_random(self, aim: Aim | TaskAim) -> Iterator[list[str]]:
        rng = random.Random(self.bench.seed)
        for _ in range(self.faults):
            yield aim.fault(rng, self.trace, ERRORS)

    @staticmethod
    def _try(shots: Iterable[list[str]], once: Callable[[list[str]], str]) -> Counter[str]:
        ends: Counter[str] = Counter()
        for number, under in enumerate(shots):
            try:
                ends[once(under)] += 1
            except Failed as e:
                raise Failed(f"fault {number + 1}, {under[-1]}: {e}") from None
        return ends

    def cases(self) -> Cases:
        yield Case("restore: system calls fail", self.restores)
        yield Case("restore: system calls of tasks fail", self.tasks)
        yield Case("restore: each request to a task fails", self.releases)
        yield Case("dump: system calls fail", self.dumps)
        yield Case("dump: each request to a task fails", self.requests)
        yield Case("dump: what cannot be looked at is not left out", self.losses)
