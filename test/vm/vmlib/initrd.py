# SPDX-License-Identifier: GPL-2.0-only
"""The initramfs: a cpio archive in the "newc" form (kernel: Documentation/driver-api/early-userspace/buffer-format.rst)."""

import os

from .common import VM_DIR, digest, run


class CpioArchive:
    """Collects files; `data()` is the archive."""

    def __init__(self):
        self._parts = []
        self._inode = 0
        self._directories = {""}

    def add(self, path, content, mode=0o644):
        self._add_parents(path)
        self._member(path, 0o100000 | mode, content)

    def data(self):
        return b"".join(self._parts) + self._encode("TRAILER!!!", 0, b"")

    def _add_parents(self, path):
        parent = os.path.dirname(path)
        if parent not in self._directories:
            self._add_parents(parent)
            self._directories.add(parent)
            self._member(parent, 0o040755, b"")

    def _member(self, path, mode, content):
        self._inode += 1
        self._parts.append(self._encode(path, mode, content))

    def _encode(self, path, mode, content):
        name = path.encode() + b"\0"
        # magic; inode, mode, uid, gid, links, mtime, size, device and rdev numbers, name size, check
        fields = [self._inode, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(name), 0]
        header = b"070701" + b"".join(b"%08X" % f for f in fields)
        return _padded(header + name) + _padded(content)


def _padded(data):
    return data + b"\0" * (-len(data) % 4)


def init_program(cache):
    """The guest's first process, compiled."""
    sources = sorted((VM_DIR / "init").glob("*.cc"))
    headers = sorted((VM_DIR / "init").glob("*.h"))
    flags = ["-std=c++20", "-O2", "-static", "-s", "-Wall", "-Wextra", "-Werror"]

    def build(directory):
        run(["g++", *flags, *sources, "-o", directory / "init"], "compile the guest's init")

    key = digest(*sources, *headers, " ".join(flags), run(["g++", "--version"], "ask for g++"))
    return cache.entry("init", key, build) / "init"


def make(cache, modules, config):
    """The bytes of the initramfs: init, the kernel modules it loads first, and the configuration.

    `config` is a list of (key, value); see init/config.h.
    """
    archive = CpioArchive()
    archive.add("init", init_program(cache).read_bytes(), 0o755)
    loads = []
    for module in modules:
        archive.add(f"boot/{module.name}", module.read_bytes())
        loads.append(("load", f"/boot/{module.name}"))
    records = b"".join(f"{key}={value}".encode() + b"\0" for key, value in loads + config)
    archive.add("vm.conf", records)
    return archive.data()
