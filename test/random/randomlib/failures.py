# SPDX-License-Identifier: GPL-2.0-only
"""Failed system calls, as words."""

from __future__ import annotations

import errno


def name_of(error: OSError) -> str:
    return errno.errorcode[error.errno] if error.errno else str(error)
