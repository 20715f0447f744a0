# SPDX-License-Identifier: GPL-2.0-only
"""Waiting for a file to change and for a process to end, without looking again and again."""

import ctypes
import os
import select

libc = ctypes.CDLL(None, use_errno=True)

IN_MODIFY = 2  # inotify(7)
PR_SET_CHILD_SUBREAPER = 36  # prctl(2)


class FileWatch:
    def __init__(self, path):
        self.fd = libc.inotify_init1(os.O_CLOEXEC)
        if self.fd < 0 or libc.inotify_add_watch(self.fd, os.fsencode(path), IN_MODIFY) < 0:
            raise OSError(ctypes.get_errno(), f"cannot watch {path}")

    def changed(self, seconds):
        """Waits at most so long; True if it was written to since the last call."""
        if not select.select([self.fd], [], [], max(0, seconds))[0]:
            return False
        os.read(self.fd, 65536)
        return True


def adopt_orphans():
    """Restored tasks, whose criu has left, become children of this process: it sees how they end."""
    if libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) < 0:
        raise OSError(ctypes.get_errno(), "cannot become a subreaper")


def end_of(pid, seconds=0):
    """The status of a child if it ends within so many seconds (-N: by signal N), else None.

    A process that is not there has no status to ask for: that is an OSError."""
    pidfd = os.pidfd_open(pid)
    try:
        if not select.select([pidfd], [], [], seconds)[0]:
            return None
    finally:
        os.close(pidfd)
    _, status = os.waitpid(pid, 0)
    return os.waitstatus_to_exitcode(status)
