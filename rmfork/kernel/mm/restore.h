/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * RESTORE_ONE, RESTORE_ALL and RESTORE_LAZY.
 */
#ifndef RMFORK_MM_RESTORE_H
#define RMFORK_MM_RESTORE_H

struct rmfork_kargs;
struct ubmem;

long rmfork_restore(struct ubmem *ub, const struct rmfork_kargs *kargs);

#endif /* RMFORK_MM_RESTORE_H */
