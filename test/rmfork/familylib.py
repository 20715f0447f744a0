# SPDX-License-Identifier: GPL-2.0-only
"""A case whose target is a parent with children that were forked from it: family.c."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from bridgelib import BUILD, Case, wait_until

FAMILY = str(BUILD / "test/rmfork/family")


class Family(Case):
    """A parent and its children, as they come from fork()."""

    @property
    def place(self) -> Path:
        """Where answers go, and nothing else is."""
        return self.home / "answers"

    def begin(self, size: int, children: int) -> None:
        self.place.mkdir()
        pid = self.launch(FAMILY, self.place, size, children)
        listed = Path(f"/proc/{pid}/task/{pid}/children")
        wait_until("the children are there", lambda: len(listed.read_text().split()) == children)
        self.pids = [pid, *map(int, listed.read_text().split())]
        for pid in self.pids:
            self.answered(pid, self.place)

    def answered(self, number: int, place: Path, who: int | None = None) -> None:
        """Task `who` (pid here) has answered well, in the file of the pid that it knows itself by."""
        file = place / f"answer.{number}"
        wait_until("an answer", lambda: file.exists() or not self.is_there(who or number))
        assert file.exists(), f"task {who or number} has ended"
        assert file.read_text() == "ok\n", f"task {who or number} finds its memory changed"
        file.unlink()

    def ask(self, sig: signal.Signals) -> None:
        for pid in self.pids:
            os.kill(pid, sig)
        for pid in self.pids:
            self.answered(pid, self.place)
