# SPDX-License-Identifier: GPL-2.0-only
"""The modules for one guest kernel, built out of the tree: rmfork.ko, those its tests need, and the machine's own."""

import fcntl
import os
import shutil

from .common import PROJECT, VM_DIR, build_dir, digest, make_jobs, run
from .sourcetree import MAKE_VARIABLES

SOURCE = PROJECT / "rmfork/kernel"
INCLUDE = PROJECT / "rmfork/include"
# For tests that reach around rmfork.ko; only for kernels that exist for tests.
POKE_SOURCE = PROJECT / "rmfork/test/fuzz/poke"
POKE_FLAVOURS = ("rmfork", "debug")
# Without it the emulated machine crashes now and then.
RETRY_SOURCE = VM_DIR / "retry-int3"


def module_path(flavour):
    """Where the module is, relative to the build folder."""
    return f"rmfork/kernel-{flavour}/rmfork.ko"


def build_module(kernel):
    """True if there is such a module and it is now up to date."""
    if not any((SOURCE / name).exists() for name in ("Kbuild", "Makefile")):
        return False
    home = build_dir() / "rmfork"
    home.mkdir(parents=True, exist_ok=True)
    with open(home / ".lock", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        # Beside the copies, as beside the originals, so that relative paths keep working.
        if INCLUDE.exists():
            _mirror(INCLUDE, home / "include")
        _bring_up_to_date(kernel, SOURCE, home / f"kernel-{kernel.flavour}", "rmfork.ko")
        if kernel.flavour in POKE_FLAVOURS and POKE_SOURCE.exists():
            _bring_up_to_date(kernel, POKE_SOURCE, home / f"poke-{kernel.flavour}",
                              "rmfork-poke.ko")
    return True


def retry_module(kernel):
    """The file of retry-int3.ko, which is now up to date."""
    home = build_dir() / "vm"
    home.mkdir(parents=True, exist_ok=True)
    target = home / f"retry-int3-{kernel.flavour}"
    with open(home / ".lock-module", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        _bring_up_to_date(kernel, RETRY_SOURCE, target, "retry-int3.ko")
    return target / "retry-int3.ko"


def mirror_module(home):
    """The sources of rmfork.ko in `home`/kernel, where the relative paths in them keep working."""
    (home / "kernel").mkdir(parents=True, exist_ok=True)
    _mirror(INCLUDE, home / "include")
    _mirror(SOURCE, home / "kernel", skip=("patches",))


def _bring_up_to_date(kernel, source, target, result):
    against = digest(str(kernel.kdir.resolve()), kernel.kdir / "Module.symvers",
                     kernel.kdir / ".config")
    sources = [p for top in (source, INCLUDE) for p in sorted(top.rglob("*")) if p.is_file()]
    key = f"{against} {digest(*sources)}\n"
    stamp = target / ".built"
    built = stamp.read_text() if stamp.exists() else ""
    if built == key and (target / result).exists():
        return
    # kbuild does not see that its kernel has changed: start afresh then.
    if target.exists() and not built.startswith(against):
        shutil.rmtree(target)
    _mirror(source, target, skip=("patches",))
    stamp.write_text(f"{against} unfinished\n")
    env = {k: v for k, v in os.environ.items() if k not in MAKE_VARIABLES}
    run(["make", "-s", f"-j{make_jobs()}", "-C", kernel.kdir, f"M={target}", "modules"],
        f"build {result} for the {kernel.flavour} kernel", env=env)
    stamp.write_text(key)


def _mirror(source, target, skip=()):
    """Copies what differs, and only that, so that make rebuilds only what it must."""
    wanted = set()
    for path in sorted(source.rglob("*")):
        name = path.relative_to(source)
        if name.parts[0] in skip or not path.is_file():
            continue
        wanted.add(name)
        copy = target / name
        if not copy.exists() or copy.read_bytes() != path.read_bytes():
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, copy)
    # A source that was removed must not go on being compiled.
    for copy in list(target.rglob("*")):
        if copy.suffix in (".c", ".h") and not copy.name.endswith(".mod.c") \
                and copy.relative_to(target) not in wanted:
            copy.unlink()
