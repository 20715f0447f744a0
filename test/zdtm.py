#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Runs the zdtm tests: see `zdtm.py --help`, and test/zdtm/lib/zdtmtst.h for what a test is."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "zdtm"))

from runner.cli import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
