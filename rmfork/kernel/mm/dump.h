/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * DUMP: what a task's page tables hold.
 */
#ifndef RMFORK_MM_DUMP_H
#define RMFORK_MM_DUMP_H

#include <linux/types.h>

struct rmfork_kargs;
struct ubmem;

long rmfork_dump(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 __user *meta_off);

#endif /* RMFORK_MM_DUMP_H */
