# SPDX-License-Identifier: GPL-2.0-only
"""The parts of the test VM. vm.py is the program."""
