# SPDX-License-Identifier: GPL-2.0-only
"""Waiting for processes."""

from __future__ import annotations

import os
import select
import subprocess


def wait_within(process: subprocess.Popen[bytes], seconds: float) -> int:
    """
    process.wait(seconds), which looks every so often and sleeps for up to 50 ms between, without the sleep.
    Raises TimeoutExpired. Nothing else may reap the process.
    """
    if process.poll() is None:
        fd = os.pidfd_open(process.pid)
        try:
            poll = select.poll()
            poll.register(fd, select.POLLIN)
            if not poll.poll(seconds * 1000):
                raise subprocess.TimeoutExpired(process.args, seconds)
        finally:
            os.close(fd)
    return process.wait()
