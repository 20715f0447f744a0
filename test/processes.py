# SPDX-License-Identifier: GPL-2.0-only
"""Waiting for processes."""

from __future__ import annotations

import os
import select
import subprocess


def ends_within(pid: int, seconds: float) -> bool:
    """Whether a process does, which is not reaped. Nothing else may reap it, either."""
    fd = os.pidfd_open(pid)
    try:
        poll = select.poll()
        poll.register(fd, select.POLLIN)
        return bool(poll.poll(seconds * 1000))
    finally:
        os.close(fd)


def wait_within(process: subprocess.Popen[bytes], seconds: float) -> int:
    """
    process.wait(seconds), which looks every so often and sleeps for up to 50 ms between, without the sleep.
    Raises TimeoutExpired. Nothing else may reap the process.
    """
    if process.poll() is None and not ends_within(process.pid, seconds):
        raise subprocess.TimeoutExpired(process.args, seconds)
    return process.wait()
