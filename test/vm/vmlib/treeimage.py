# SPDX-License-Identifier: GPL-2.0-only
"""A disk image of the built project tree, for the guest."""

import errno
import fcntl
import os
import shutil
import stat
import tempfile

from .common import PROJECT, build_dir, digest, make_ext4

# Only the tools that built the tree need these.
SKIP_SUFFIXES = (".o", ".d", ".a", ".gch", ".gcno", ".mod.c", ".cmd", ".pyc")
SKIP_TOP = (".git", ".ci")
SPARE_MIB = 512
SPARE_INODES = 8192


def tree_image():
    """The image as an open file, made anew if anything in the tree has changed."""
    home = build_dir() / "vm"
    home.mkdir(parents=True, exist_ok=True)
    image = home / "tree.img"
    with open(home / ".lock-tree", "w", encoding="ascii") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        files = sorted(_files())
        key = digest(repr([(guest, state.st_size, state.st_mtime_ns, state.st_mode)
                           for guest, _, state in files]))
        stamp = home / "tree.key"
        if not image.exists() or not stamp.exists() or stamp.read_text() != key:
            stamp.unlink(missing_ok=True)
            _make(home, image, files)
            stamp.write_text(key)
        # Another run may replace the image; a descriptor keeps this one.
        return open(image, "rb")


def _files():
    """(name in the guest, path here, stat) of everything that belongs there."""
    out = build_dir()
    yield from _walk(out, "build", lambda top: top == "vm")
    yield from _walk(PROJECT, "", lambda top: top in SKIP_TOP or top.startswith("build"), out)


def _walk(root, prefix, skip_top, skip_path=None):
    for directory, names, files in os.walk(root):
        below = os.path.relpath(directory, root)
        if below == ".":
            names[:] = [n for n in names if not skip_top(n)]
        names[:] = [n for n in names if n != "__pycache__"
                    and os.path.join(directory, n) != str(skip_path)]
        links = [n for n in names if os.path.islink(os.path.join(directory, n))]
        for name in files + links:
            path = os.path.join(directory, name)
            try:
                state = os.lstat(path)
            except FileNotFoundError:
                continue  # a build is at work beside us: it was in the way of becoming something else
            wanted = stat.S_ISREG(state.st_mode) or stat.S_ISLNK(state.st_mode)
            if wanted and not name.endswith(SKIP_SUFFIXES):
                yield os.path.normpath(os.path.join(prefix, below, name)), path, state


def _make(home, image, files):
    stage = tempfile.mkdtemp(prefix="stage-", dir=home)
    try:
        os.chmod(stage, 0o755)
        for guest, path, _ in files:
            target = os.path.join(stage, guest)
            os.makedirs(os.path.dirname(target), exist_ok=True)
            try:
                _link(path, target)
            except FileNotFoundError:
                pass  # gone since; the next run's key tells
        size = sum(state.st_size + 4096 for _, _, state in files) // 2**20 * 5 // 4 + SPARE_MIB
        new = home / "tree.img.new"
        new.unlink(missing_ok=True)
        make_ext4(stage, new, size, len(files) * 2 + SPARE_INODES)
        new.rename(image)
    finally:
        shutil.rmtree(stage)


def _link(path, target):
    """A second name where that is possible; it costs nothing."""
    try:
        os.link(path, target, follow_symlinks=False)
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK):
            raise
        shutil.copy2(path, target, follow_symlinks=False)
