# SPDX-License-Identifier: GPL-2.0-only
"""The parts of zdtm.py."""

import sys
from pathlib import Path

# What all test programs have.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
