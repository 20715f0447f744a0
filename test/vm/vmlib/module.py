# SPDX-License-Identifier: GPL-2.0-only
"""rmfork.ko for one guest kernel, built out of the tree."""

import fcntl
import os
import shutil

from .common import PROJECT, build_dir, digest, run
from .sourcetree import MAKE_VARIABLES

SOURCE = PROJECT / "rmfork/kernel"
INCLUDE = PROJECT / "rmfork/include"


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
        _bring_up_to_date(kernel, home)
    return True


def _bring_up_to_date(kernel, home):
    target = home / f"kernel-{kernel.flavour}"
    against = digest(str(kernel.kdir.resolve()), kernel.kdir / "Module.symvers",
                     kernel.kdir / ".config")
    sources = [p for top in (SOURCE, INCLUDE) for p in sorted(top.rglob("*")) if p.is_file()]
    key = f"{against} {digest(*sources)}\n"
    stamp = target / ".built"
    built = stamp.read_text() if stamp.exists() else ""
    if built == key and (target / "rmfork.ko").exists():
        return
    # kbuild does not see that its kernel has changed: start afresh then.
    if target.exists() and not built.startswith(against):
        shutil.rmtree(target)
    _mirror(SOURCE, target, skip=("patches",))
    if INCLUDE.exists():
        # Beside the copy, as beside the original, so that relative paths keep working.
        _mirror(INCLUDE, home / "include")
    stamp.write_text(f"{against} unfinished\n")
    env = {k: v for k, v in os.environ.items() if k not in MAKE_VARIABLES}
    run(["make", "-s", "-C", kernel.kdir, f"M={target}", "modules"],
        f"build rmfork.ko for the {kernel.flavour} kernel", env=env)
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
