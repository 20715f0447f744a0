# SPDX-License-Identifier: GPL-2.0-only
"""rmfork.ko for one guest kernel, built out of the tree."""

import os
import shutil

from .common import PROJECT, build_dir, run
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
    target = build_dir() / "rmfork" / f"kernel-{kernel.flavour}"
    # kbuild does not see that its kernel has changed: start afresh then.
    stamp = target / ".built-against"
    if target.exists() and (not stamp.exists() or stamp.read_text() != str(kernel.kdir.resolve())):
        shutil.rmtree(target)
    _mirror(SOURCE, target, skip=("patches",))
    if INCLUDE.exists():
        # Beside the copy, as beside the original, so that relative paths keep working.
        _mirror(INCLUDE, build_dir() / "rmfork/include")
    stamp.write_text(str(kernel.kdir.resolve()))
    env = {k: v for k, v in os.environ.items() if k not in MAKE_VARIABLES}
    run(["make", "-s", "-C", kernel.kdir, f"M={target}", "modules"],
        f"build rmfork.ko for the {kernel.flavour} kernel", env=env)
    return True


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
