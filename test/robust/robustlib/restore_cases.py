# SPDX-License-Identifier: GPL-2.0-only
"""Restores of what is damaged or does not fit: refused in a sentence, and nothing is left."""

from __future__ import annotations

import random
import shutil
import struct
import subprocess
import time
from collections.abc import Set
from pathlib import Path

from . import image_fields
from .dump_cases import small_tmpfs
from .harness import Bench, Case, Cases, Failed, Outcome, Target, copy_images, listing, remove_segments

MAGIC_WORDS = 8  # bytes
# Messages of rtnetlink(7) as ip(8) saves them, behind one word of its own.
ONE_MAGIC = ("ifaddr-", "route-", "route6-")
DEVICES = ("netdev-", *ONE_MAGIC)
FILE_ENTRY_PSK, FILE_ENTRY_TUNF = 6, 11  # fields of files.img
KOBJ_IDS_FS = 3  # of ids-PID.img
FS_CWD, FS_ROOT = 1, 2  # of fs-PID.img
# Without these a restore is whole all the same.
UNNEEDED = ("stats-dump",)
# Entries of these are a list: one that ends early between two of them is a shorter list.
LISTS = ("pstree", "fdinfo", "files", "pagemap", "remap-fpath", "pipes-data", "sk-queues", "memfd", "tty", "ipcns-shm",
         *ONE_MAGIC)
TRUNCATIONS = (0, 1, 4, 7, 8, 9, 11, 12, 13)


def entry_ends(name: str, data: bytes) -> set[int]:
    """Where a list of entries may end: each is a length of 4 bytes and so many bytes."""
    if name.startswith(ONE_MAGIC):
        return message_ends(data)
    at = 8
    ends = {at}
    while at + 4 <= len(data):
        at += 4 + struct.unpack_from("<I", data, at)[0]
        if name.startswith(("pipes-data", "sk-queues")):  # raw data follows each entry
            return ends | set(range(at, len(data) + 1))
        ends.add(at)
    return ends


def message_ends(data: bytes) -> set[int]:
    """The same of messages, whose length counts itself and is rounded up to 4 bytes."""
    at = 4
    ends = {at}
    while at + 4 <= len(data):
        at += struct.unpack_from("<I", data, at)[0] + 3 & ~3
        ends.add(at)
    return ends


class RestoreCases:
    def __init__(self, bench: Bench, target: Target, images: Path, flips: int) -> None:
        self.bench = bench
        self.target = target
        self.images = images
        self.flips = flips
        self.names = sorted(p.name for p in images.iterdir())

    def _restore(self, images: Path, *args: str | Path) -> Outcome:
        return self.bench.run("restore", "-d", "-D", images, *args)

    def _must_be_clean(self, images: Path, before: set[str]) -> None:
        self.bench.must_leave_nothing()
        made = listing(images) - before
        if made:
            raise Failed(f"files were left in the images directory: {made}")
        left = listing(self.target.home) ^ self.target.files
        if left:
            raise Failed(f"files came or went beside the target's: {left}")

    def _refused(self, pattern: str, images: Path, *args: str | Path) -> None:
        before = listing(images)
        self._restore(images, *args).must_refuse(pattern)
        self._must_be_clean(images, before)

    def _succeeds(self, images: Path) -> None:
        outcome = self._restore(images)
        if outcome.status != 0:
            raise Failed(f"the restore fails: {outcome.text}")
        if not self.target.counts_on() or not self.target.is_complete():
            raise Failed("the restored tree does not run")
        self.bench.kill_strangers()
        left = listing(self.target.home) ^ self.target.files
        if left:
            raise Failed(f"files came or went beside the target's: {left}")

    def _either(self, images: Path) -> bool:
        """Succeeds or is refused; whether it succeeded."""
        before = listing(images)
        outcome = self._restore(images)
        if outcome.status == 0:
            self.bench.kill_strangers()
            remove_segments()  # one that was to outlive its tasks, as its image says now
            return True
        outcome.must_refuse(".")
        self._must_be_clean(images, before)
        return False

    def intact(self) -> None:
        self._succeeds(copy_images(self.bench, self.images))

    def empty(self) -> None:
        self._refused("holds no finished dump", self.bench.fresh("img"))

    def missing(self) -> None:
        outcome = self._restore(self.bench.home / "nowhere")
        outcome.must_refuse("cannot open the images directory")
        self.bench.must_leave_nothing()

    def image_missing(self, name: str) -> None:
        images = copy_images(self.bench, self.images)
        (images / name).unlink()
        # Older images lack the images of kinds of which they hold none.
        if name.startswith(UNNEEDED) or (self.images / name).stat().st_size == MAGIC_WORDS:
            self._succeeds(images)
        elif name in ("pipes-data.img", "tty-data.img"):  # its absence says that all pipes or terminals were empty
            self._either(images)
        elif name == "remap-fpath.img":  # its absence says that there is none
            self._refused("gone/ghost", images)
        else:
            self._refused(name.replace(".", r"\."), images)
        shutil.rmtree(images)

    def image_truncated(self, name: str) -> str:
        data = (self.images / name).read_bytes()
        ends = entry_ends(name, data) if name.startswith(LISTS) else set()
        points = {n for n in TRUNCATIONS if n < len(data)} | {len(data) // 2, len(data) - 1}
        if name.startswith("pages-"):
            points = {n // 4096 * 4096 for n in points} | points
        images = copy_images(self.bench, self.images)
        for n in sorted(points):
            (images / name).write_bytes(data[:n])
            try:
                if name.startswith(UNNEEDED):
                    self._succeeds(images)
                    (images / "stats-restore").unlink()
                elif n in ends:
                    self._either(images)
                else:
                    self._refused(name.replace(".", r"\.") + "|damaged|truncated", images)
            except Failed as e:
                raise Failed(f"{n} of {len(data)} bytes: {e}") from None
        shutil.rmtree(images)
        return f"at {len(points)} points"

    def foreign_magic(self) -> str:
        tried = 0
        for name in self.names:
            if name.startswith(("pages-", *UNNEEDED)):
                continue
            images = copy_images(self.bench, self.images)
            data = bytearray((images / name).read_bytes())
            at = 0 if name.startswith(("inventory.img", *ONE_MAGIC)) else 4
            struct.pack_into("<I", data, at, 0x12345678)
            (images / name).write_bytes(data)
            try:
                self._refused("is not what its name says: magic 0x12345678", images)
            except Failed as e:
                raise Failed(f"{name}: {e}") from None
            shutil.rmtree(images)
            tried += 1
        return f"{tried} images"

    def flipped_bits(self) -> str:
        rng = random.Random(self.bench.seed)
        targets = [n for n in self.names if not n.startswith(("pages-", *UNNEEDED))]
        images = copy_images(self.bench, self.images)
        succeeded = 0
        problems = []
        slowest = 0.0
        for n in range(self.flips):
            name = targets[n % len(targets)]
            data = bytearray((self.images / name).read_bytes())
            bits = [(rng.randrange(len(data)), rng.randrange(8)) for _ in range(rng.choice((1, 1, 2, 8)))]
            for at, bit in bits:
                data[at] ^= 1 << bit
            (images / name).write_bytes(data)
            start = time.monotonic()
            try:
                succeeded += self._either(images)
            except Failed as e:
                problems.append(f"{name} with {bits}: {e}")
            slowest = max(slowest, time.monotonic() - start)
            (images / name).write_bytes((self.images / name).read_bytes())
            (images / "stats-restore").unlink(missing_ok=True)
            self._mend()
        if problems:
            raise Failed(f"{len(problems)} of {self.flips}:\n    " + "\n    ".join(problems))
        if not 0 < succeeded < self.flips:
            raise Failed(f"{succeeded} of {self.flips} restores succeeded: nothing was tested")
        return f"{self.flips} images, {succeeded} restored all the same, the slowest in {slowest:.1f} s"

    def changed_fields(self, name: str, within: Set[int] = frozenset()) -> str:
        data = (self.images / name).read_bytes()
        images = copy_images(self.bench, self.images)
        tried = succeeded = 0
        problems = []
        for what, bad in image_fields.changed(name, data, within):
            (images / name).write_bytes(bad)
            tried += 1
            try:
                succeeded += self._either(images)
            except Failed as e:
                problems.append(f"{what}: {e}")
            (images / "stats-restore").unlink(missing_ok=True)
            self._mend()
        shutil.rmtree(images)
        if tried == 0 and len(data) > MAGIC_WORDS:
            raise Failed("no field of it was found")
        if problems:
            raise Failed(f"{len(problems)} of {tried}:\n    " + "\n    ".join(problems))
        return f"{tried} values, {succeeded} restored all the same"

    def _mend(self) -> None:
        """What a program with damaged registers or paths may have done to its files."""
        (self.target.home / "counters").touch()
        data = self.target.home / "data"
        if not data.exists() or data.read_text() != "data of a file\n":
            data.write_text("data of a file\n")

    def pid_taken(self, pid: int) -> None:
        holder = subprocess.Popen(
            [self.bench.program, "--hold", str(pid)], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        assert holder.stdin and holder.stdout
        self.bench.known.add(holder.pid)
        try:
            if holder.stdout.readline() != b"held\n":
                raise Failed(f"the test could not take pid {pid}")
            self._refused(f"cannot make task {pid}: the pid is taken", copy_images(self.bench, self.images))
        finally:
            holder.stdin.close()
            holder.wait()
            holder.stdout.close()
            self.bench.known.discard(holder.pid)

    def ghost_directory_missing(self) -> None:
        (self.target.home / "gone").rmdir()
        self.target.files.discard("gone")
        try:
            self._succeeds(copy_images(self.bench, self.images))
        finally:
            (self.target.home / "gone").mkdir()
            self.target.files.add("gone")

    def ghost_place_taken_by_file(self) -> None:
        """Where the directory of an unlinked file was, there is a file now: it is made beside that."""
        place = self.target.home / "gone"
        place.rmdir()
        place.write_text("")
        try:
            self._succeeds(copy_images(self.bench, self.images))
        finally:
            place.unlink()
            place.mkdir()

    def file_changed(self) -> None:
        data = self.target.home / "data"
        text = data.read_text()
        data.write_text(text + "more")
        try:
            self._refused(r"/data has \d+ bytes now", copy_images(self.bench, self.images))
        finally:
            data.write_text(text)

    def file_gone(self) -> None:
        data = self.target.home / "data"
        text = data.read_text()
        data.unlink()
        try:
            before = self.target.files
            self.target.files = before - {"data"}
            self._refused("/data", copy_images(self.bench, self.images))
        finally:
            self.target.files = before
            data.write_text(text)

    def directories_shared(self, differ: bool) -> None:
        """The child has its directories in common with the root, by its ids."""
        images = copy_images(self.bench, self.images)
        ids, fs = images / f"ids-{self.target.child}.img", images / f"fs-{self.target.child}.img"
        roots = (images / f"ids-{self.target.pid}.img").read_bytes()
        ids.write_bytes(image_fields.with_field(ids.read_bytes(), KOBJ_IDS_FS, image_fields.field(roots, KOBJ_IDS_FS)))
        if not differ:
            self._succeeds(images)
            return
        other = image_fields.field(fs.read_bytes(), FS_ROOT)
        fs.write_bytes(image_fields.with_field(fs.read_bytes(), FS_CWD, other))
        self._refused(f"{fs.name}: the directories are not those of task {self.target.pid}", images)

    def rmfork_for_plain(self) -> None:
        self._refused("--enable-rmfork", copy_images(self.bench, self.images), "--enable-rmfork")

    def rmfork_flag_missing(self) -> None:
        images = copy_images(self.bench, self.images)
        (images / "rmfork.meta").write_text("0x1000\n")
        self._refused("restore it with --enable-rmfork", images)

    def pidfile_taken(self) -> None:
        """The pidfile is written when all is restored but does not run yet."""
        images = copy_images(self.bench, self.images)
        (images / "pid").write_text("old")
        self._refused("/pid", images, "--pidfile", "pid")

    def pidfile_disk_full(self) -> None:
        """It could be made, but not written."""
        images = copy_images(self.bench, self.images)
        with small_tmpfs(self.bench, "size=4k") as disk:
            (disk / "filler").write_bytes(bytes(4096))
            self._refused("No space left", images, "--pidfile", disk / "pid")
            if (disk / "pid").exists():
                raise Failed("the pidfile is left")

    def device_cases(self) -> Cases:
        """What only a tree with devices of a network has; to make and to end these takes the kernel long."""
        yield Case("restore: intact images of devices", self.intact)
        yield Case("restore: foreign magic, with images of devices", self.foreign_magic)
        for name in self.names:
            if name.startswith(DEVICES):
                yield Case(f"restore: {name} is missing", lambda name=name: self.image_missing(name))
                yield Case(f"restore: {name} is truncated", lambda name=name: self.image_truncated(name))
        for name in self.names:
            if name.startswith("netdev-"):
                yield Case(f"restore: other values in {name}", lambda name=name: self.changed_fields(name))
        yield Case("restore: other values of devices in files.img",
                   lambda: self.changed_fields("files.img", {FILE_ENTRY_PSK, FILE_ENTRY_TUNF}))

    def cases(self) -> Cases:
        yield Case("restore: intact images", self.intact)
        yield Case("restore: an empty directory", self.empty)
        yield Case("restore: a directory that is missing", self.missing)
        for name in self.names:
            yield Case(f"restore: {name} is missing", lambda name=name: self.image_missing(name))
        for name in self.names:
            yield Case(f"restore: {name} is truncated", lambda name=name: self.image_truncated(name))
        yield Case("restore: foreign magic", self.foreign_magic)
        for name in self.names:
            if not name.startswith(("pages-", *UNNEEDED, *ONE_MAGIC)):
                yield Case(f"restore: other values in {name}", lambda name=name: self.changed_fields(name))
        yield Case("restore: flipped bits", self.flipped_bits)
        for what, pid in (("root", self.target.pid), ("child", self.target.child)):
            yield Case(f"restore: the {what}'s pid is taken", lambda pid=pid: self.pid_taken(pid))
        yield Case("restore: an unlinked file's directory is missing", self.ghost_directory_missing)
        yield Case("restore: an unlinked file's directory is a file", self.ghost_place_taken_by_file)
        yield Case("restore: a file has another size", self.file_changed)
        yield Case("restore: a file is gone", self.file_gone)
        yield Case("restore: a child has the root's directories", lambda: self.directories_shared(False))
        yield Case("restore: a child has the root's directories, which are others", lambda: self.directories_shared(True))
        yield Case("restore: plain images with --enable-rmfork", self.rmfork_for_plain)
        yield Case("restore: rmfork images without it", self.rmfork_flag_missing)
        yield Case("restore: the pidfile is there already", self.pidfile_taken)
        yield Case("restore: the pidfile cannot be written", self.pidfile_disk_full)
