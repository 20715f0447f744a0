# SPDX-License-Identifier: GPL-2.0-only
"""What is slow to make is made once, outside the tree, and named by a hash of its ingredients.

An entry is a directory `<name>-<hash>`. It appears whole (by rename) or not at all, and is
never changed afterwards, so that readers need no lock.
"""

import contextlib
import fcntl
import os
import shutil
import tempfile
import time
from pathlib import Path

from .common import say

# An entry of which there is a newer sister is removed when it was last used longer ago.
KEEP_SECONDS = 3 * 24 * 3600


class Cache:
    def __init__(self):
        xdg = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        self.root = Path(os.environ.get("CRIU_RMFORK_CACHE") or Path(xdg) / "criu-rmfork")
        self.root.mkdir(parents=True, exist_ok=True)

    def entry(self, name, key, build):
        """The directory of an entry; `build(directory)` fills it if it does not exist."""
        path = self.root / f"{name}-{key}"
        if not path.exists():
            with self.lock(name):
                if not path.exists():
                    self._publish(name, path, build)
        os.utime(path)
        return path

    def directory(self, name):
        """A directory for intermediate results; the caller locks."""
        path = self.root / name
        path.mkdir(exist_ok=True)
        return path

    @contextlib.contextmanager
    def lock(self, name):
        """Waits for other programs that are making the same thing."""
        with open(self.root / f".lock-{name}", "w", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"waiting for another program that prepares {name}")
                fcntl.flock(file, fcntl.LOCK_EX)
            yield

    def _publish(self, name, path, build):
        for left_over in self.root.glob(f".new-{name}-*"):  # of a builder that was killed
            shutil.rmtree(left_over)
        new = Path(tempfile.mkdtemp(prefix=f".new-{name}-", dir=self.root))
        try:
            start = time.monotonic()
            say(f"preparing {name}")
            build(new)
            new.chmod(0o755)
            new.rename(path)
            say(f"prepared {name} in {time.monotonic() - start:.0f} s")
        except BaseException:
            shutil.rmtree(new, ignore_errors=True)
            raise
        self._drop_old(name, path)

    def _drop_old(self, name, current):
        pattern = f"{name}-" + "[0-9a-f]" * 16
        for sister in self.root.glob(pattern):
            if sister != current and sister.stat().st_mtime < time.time() - KEEP_SECONDS:
                shutil.rmtree(sister, ignore_errors=True)
