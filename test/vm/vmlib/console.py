# SPDX-License-Identifier: GPL-2.0-only
"""The guest kernel's log, as its serial console writes it to a file on the host."""

import os
import re
import time

# The kernel is broken, or about to be: the outcome of the command cannot be trusted.
FATAL = re.compile(
    r"Kernel panic|Oops[: ]|kernel BUG at|BUG: (?!soft lockup|workqueue lockup)"
    r"|general protection fault, |double fault:|KASAN: |kmemleak: \d+ new"
    r"|possible circular locking|possible recursive locking|inconsistent lock state"
    r"|suspicious RCU usage|possible irq lock inversion|held lock freed|lock held when returning")

# The processor that QEMU 7.2 emulates has met a breakpoint that is there no more (see retry-int3/retry-int3.c).
STALE_BREAKPOINT = re.compile(r"\bint3: \d+ \[#1\]")

# Worth telling. A slow host alone is enough for some of them.
NOTABLE = re.compile(r"WARNING: CPU|soft lockup|rcu: INFO|blocked for more than|UBSAN: |Out of memory:")

KEEP_LOGS = 20
TAIL_LINES = 40


def _by_age(paths):
    """Oldest first. Other runs remove theirs meanwhile."""
    ages = []
    for path in paths:
        try:
            ages.append((os.path.getmtime(path), path))
        except FileNotFoundError:
            pass
    return [path for _, path in sorted(ages)]


class Console:
    """One run's log file; it stays only if there is a reason to look at it."""

    def __init__(self, directory, flavour):
        directory.mkdir(parents=True, exist_ok=True)
        for old in _by_age(directory.glob("*.log"))[:-KEEP_LOGS]:
            old.unlink(missing_ok=True)
        moment = time.strftime("%Y%m%d-%H%M%S")
        self.path = directory / f"{flavour}-{moment}-{os.getpid()}.log"
        self.path.touch()
        self._read = 0
        self._rest = ""
        self.notable = None
        self.forget_crash()

    def forget_crash(self):
        """For a machine that is started again, with the same log."""
        self.fatal = None
        self.stale_breakpoint = False

    def scan(self):
        """Looks at what is new. True if the kernel has reported something fatal."""
        with open(self.path, "rb") as file:
            file.seek(self._read)
            new = file.read()
        self._read += len(new)
        *lines, self._rest = (self._rest + new.decode(errors="replace")).split("\n")
        for line in lines:
            self.stale_breakpoint |= STALE_BREAKPOINT.search(line) is not None
            if not self.fatal and FATAL.search(line):
                self.fatal = line.strip()
            elif not self.notable and NOTABLE.search(line):
                self.notable = line.strip()
        return self.fatal is not None

    def tail(self):
        text = self.path.read_text(encoding="utf-8", errors="replace").replace("\r", "")
        return "\n".join(text.splitlines()[-TAIL_LINES:])

    def discard(self):
        self.path.unlink(missing_ok=True)
