# SPDX-License-Identifier: GPL-2.0-only
"""
Programs with random descriptors. What the program does: `program` and all that it imports; what is done to it: `run`,
`canonical`, `comparison`. `exchange` is what both know.
"""
