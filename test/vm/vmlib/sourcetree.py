# SPDX-License-Identifier: GPL-2.0-only
"""A kernel source tree that is built in place, patched and patched anew."""

import os
import re
import shutil

from pathlib import Path

from .common import VmError, make_jobs, run

TARBALL = Path("/usr/src/linux-source-6.1.tar.xz")

# Nothing of the machine or the moment goes into the image.
BUILD_ENV = {
    "KBUILD_BUILD_TIMESTAMP": "Tue Nov 14 22:13:20 UTC 2023",
    "KBUILD_BUILD_USER": "criu-rmfork",
    "KBUILD_BUILD_HOST": "vm",
    "KBUILD_BUILD_VERSION": "1",
}

# A calling make exports these to us, and they are not meant for the kernel's make.
MAKE_VARIABLES = ("MAKEFLAGS", "MFLAGS", "MAKELEVEL", "MAKEOVERRIDES", "O", "V", "CC", "CXX", "DEBUG")

# What `make M=...` reads of a built kernel.
KDIR_FILES = ("Makefile", ".config", "Module.symvers", "System.map", "arch/x86/Makefile",
              "arch/x86/Makefile_32.cpu", "tools/objtool/objtool")
KDIR_TREES = ("include", "scripts", "arch/x86/include")


def _merged(fragments):
    """Their lines, one file after another. `#- PREFIX` takes back what earlier ones say of symbols that begin so."""
    merged = []
    for fragment in fragments:
        lines = fragment.read_text().splitlines(keepends=True)
        taken_back = tuple(line.split()[1] for line in lines if line.startswith("#- "))
        merged = [line for line in merged if not line.startswith(taken_back)] + lines
    return "".join(merged)


class SourceTree:
    def __init__(self, directory):
        self.directory = directory
        self.source = directory / "linux"
        self.applied = directory / "applied"
        self.log = directory / "build.log"

    def build(self, fragments, patches):
        self.log.write_bytes(b"")
        if not self.applied.exists() or not self._switch_patches(patches):
            self._unpack()
            self._apply(patches)
        self._configure(fragments)
        self._make(f"-j{make_jobs()}", "vmlinux", "modules")

    def export(self, directory):
        # Booted as it is (CONFIG_PVH); the symbols it keeps are those of kallsyms.
        run(["strip", "-s", "-o", directory / "vmlinux", self.source / "vmlinux"],
            "strip the guest kernel")
        kdir = directory / "kdir"
        for name in KDIR_FILES:
            if (self.source / name).exists():  # objtool exists only where the configuration wants it
                (kdir / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(self.source / name, kdir / name)
        skip = shutil.ignore_patterns("*.o", "*.cmd", "*.o.d")
        for name in KDIR_TREES:
            shutil.copytree(self.source / name, kdir / name, symlinks=True, ignore=skip)

    def _make(self, *args):
        run(["nice", "-n", "5", "make", "-s", "-C", self.source, "ARCH=x86_64", *args],
            "build the guest kernel", log=self.log, env=self._env())

    @staticmethod
    def _env():
        inherited = {k: v for k, v in os.environ.items()
                     if k not in MAKE_VARIABLES}
        return {**inherited, **BUILD_ENV}

    def _unpack(self):
        shutil.rmtree(self.directory)
        self.source.mkdir(parents=True)
        run(["tar", "-xf", TARBALL, "--strip-components=1", "-C", self.source],
            "unpack the kernel source")
        self.applied.mkdir()  # last: it says that the tree is whole

    def _configure(self, fragments):
        wanted = _merged(fragments)
        combined = self.directory / "fragment.config"
        if (self.source / ".config").exists() and combined.exists() and combined.read_text() == wanted:
            return
        combined.write_text(wanted)
        self._make(f"KCONFIG_ALLCONFIG={combined}", "allnoconfig")
        config = set((self.source / ".config").read_text().splitlines())
        refused = [line for line in wanted.splitlines()
                   if line.startswith("CONFIG_") and line not in config]
        if refused:
            combined.unlink()
            raise VmError("the kernel's Kconfig does not honour " + ", ".join(refused))

    def _apply(self, patches, first_number=0):
        for number, patch in enumerate(patches, first_number):
            self._patch(patch, "--dry-run")
            # Copied first: if we are ended here, taking it back fails and the tree is unpacked anew.
            copy = self.applied / f"{number:04}-{patch.name}"
            shutil.copy(patch, copy)
            self._patch(copy)

    def _switch_patches(self, patches):
        """From the applied patches to the wanted ones. False if the tree's state is unknown.

        A file that ends up as it was keeps its time, so that make leaves alone what depends on it:
        the table of system calls alone is behind nearly every object.
        """
        applied = sorted(self.applied.iterdir())
        same = 0
        while same < min(len(applied), len(patches)) and _same(applied[same], patches[same]):
            same += 1
        before = self._states(applied[same:] + patches[same:])
        for copy in reversed(applied[same:]):
            try:
                self._patch(copy, "-R")
            except VmError:
                return False
            copy.unlink()
        self._apply(patches[same:], same)
        for path, (content, times) in before.items():
            if path.exists() and path.read_bytes() == content:
                os.utime(path, ns=times)
        return True

    def _states(self, patches):
        """Contents and times of the files that the patches touch."""
        names = {name for patch in patches
                 for name in re.findall(r"^(?:---|\+\+\+) [ab]/(\S+)", patch.read_text(), re.M)}
        paths = [self.source / name for name in names if (self.source / name).exists()]
        return {path: (path.read_bytes(), (path.stat().st_atime_ns, path.stat().st_mtime_ns))
                for path in paths}

    def _patch(self, patch, *flags):
        # No fuzz: a patch that does not fit exactly is for another kernel.
        run(["patch", "-p1", "--force", "--fuzz=0", "--no-backup-if-mismatch", *flags, "-d",
             self.source, "-i", patch], f"apply {patch.name} to the kernel")


def _same(copy, patch):
    # The copy's name has the patch's number in front.
    return copy.name.partition("-")[2] == patch.name and copy.read_bytes() == patch.read_bytes()
