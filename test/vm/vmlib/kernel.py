# SPDX-License-Identifier: GPL-2.0-only
"""The guest kernels: what boots, and what a module for it is built against.

stock    Debian's cloud kernel, unpacked from its package
6.12     the cloud kernel that Debian offers beside it, and its headers, likewise
rmfork   Debian's kernel source with kernel.config and the patches of rmfork/kernel/patches
debug    as rmfork, with kernel-debug.config and patches-debug on top
"""

import glob
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from . import debian
from .common import PROJECT, VM_DIR, VmError, digest, make_ext4, run, say
from .sourcetree import SourceTree

FLAVOURS = ("stock", "6.12", "rmfork", "debug")

# What must be loaded from the initramfs before the disks and the port to the host can be seen.
BOOT_MODULES = ("virtio_pci", "virtio_blk", "virtio_console", "ext4")


@dataclass
class GuestKernel:
    flavour: str
    image: Path          # for qemu -kernel
    kdir: Path           # for make -C KDIR M=...
    boot_modules: list   # files, in the order of loading
    modules_image: Path  # an ext4 image for /lib/modules, or None


def guest_kernel(cache, flavour):
    if flavour == "stock":
        return _stock(cache)
    if flavour == "6.12":
        return _newer(cache, flavour)
    fragments = [VM_DIR / "kernel.config"]
    patches = sorted((PROJECT / "rmfork/kernel/patches").glob("*.patch"))
    if flavour == "debug":
        fragments.append(VM_DIR / "kernel-debug.config")
        patches += sorted((VM_DIR / "patches-debug").glob("*.patch"))
    return _built(cache, flavour, fragments, patches)


def _stock(cache):
    headers = sorted(glob.glob("/usr/src/linux-headers-6.1.*-cloud-amd64"), key=_abi_number)
    if not headers:
        raise VmError("linux-headers-cloud-amd64 is not installed (see scripts/install-deps)")
    kdir = Path(headers[-1])
    release = kdir.name.removeprefix("linux-headers-")
    # The headers package carries the version; the image must be its twin.
    version = run(["dpkg-query", "-W", "-f=${Version}", kdir.name], "ask for the headers' version")
    entry = cache.entry("stock", digest(release, version, *_recipes()),
                        lambda d: _unpack_stock(d, release, version))
    modules = entry / "lib/modules" / release
    return GuestKernel("stock", entry / "vmlinuz", kdir, _load_order(modules),
                       entry / "modules.img")


def _newer(cache, flavour):
    """Its headers want more of the host than a module does, so they are not installed there."""
    release = debian.newest_release(f"linux-image-{flavour}-cloud-amd64")
    version = debian.version_of(f"linux-image-{release}")

    def build(directory):
        debian.unpack_headers([release], directory / "headers")
        _unpack_stock(directory, release, version)

    entry = cache.entry(f"stock-{flavour}", digest(release, version, *_recipes()), build)
    modules = entry / "lib/modules" / release
    return GuestKernel(flavour, entry / "vmlinuz", entry / "headers/usr/src" / f"linux-headers-{release}",
                       _load_order(modules), entry / "modules.img")


def _recipes():
    return [Path(__file__), Path(debian.__file__)]


def _abi_number(path):
    return [int(n) for n in re.findall(r"\d+", path)]


def _unpack_stock(directory, release, version):
    unpacked = debian.unpack([f"linux-image-{release}={version}"], directory / "image")
    (unpacked / "boot" / f"vmlinuz-{release}").rename(directory / "vmlinuz")
    (unpacked / "lib").rename(directory / "lib")
    compressed = sorted((directory / "lib").rglob("*.ko.xz"))
    if compressed:  # newer kernels; what loads modules in the initramfs does not read that
        run(["xz", "-d", *compressed], "unpack the modules")
    run(["/sbin/depmod", "-b", directory, release], "list the modules")
    make_ext4(directory / "lib/modules", directory / "modules.img", 192, 16384)
    shutil.rmtree(unpacked)


def _load_order(modules):
    """Files of BOOT_MODULES and what they need, from modules.dep (man 5 modules.dep)."""
    needs = {}
    for line in (modules / "modules.dep").read_text().splitlines():
        file, _, dependencies = line.partition(":")
        needs[file] = dependencies.split()
    by_name = {Path(file).stem.replace("-", "_"): file for file in needs}
    order = []
    for name in BOOT_MODULES:
        file = by_name.get(name)  # None: built in
        if file:
            # Listed from the nearest to the farthest; the farthest loads first.
            order += [f for f in [*reversed(needs[file]), file] if f not in order]
    return [modules / file for file in order]


def _built(cache, flavour, fragments, patches):
    version = run(["dpkg-query", "-W", "-f=${Version}", "linux-source-6.1"],
                  "ask for linux-source-6.1 (see scripts/install-deps)")
    compiler = run(["gcc", "--version"], "ask for gcc")
    recipe = Path(__file__).with_name("sourcetree.py")
    # kbuild itself notices a change of the commands, so the tree need not be named after the recipe.
    base = digest(version, compiler, *fragments)
    key = digest(base, recipe, *patches)
    name = f"kernel-{flavour}"

    def build(directory):
        # The tree outlives the build, so that another set of patches rebuilds only what it touches.
        tree = SourceTree(cache.directory(f"tree-{flavour}-{base}"))
        for old in cache.root.glob(f"tree-{flavour}-*"):
            if old != tree.directory:
                shutil.rmtree(old)
        say(f"building it; progress is in {tree.log}")
        tree.build(fragments, patches)
        tree.export(directory)

    entry = cache.entry(name, key, build)
    return GuestKernel(flavour, entry / "vmlinux", entry / "kdir", [], None)
