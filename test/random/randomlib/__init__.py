# SPDX-License-Identifier: GPL-2.0-only
"""
Programs with random descriptors. What the program does: `program` and all that it imports; what is done to it: `run`,
`canonical`, `comparison`. `exchange` is what both know.

Random trees of processes. What a task does: `process`; what they are told: `growth`; what is seen of them: `tree_view`;
and what is done to the tree: `tree_run`.
"""
