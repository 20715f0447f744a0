/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the pool, its snapshots and its users are.
 */
#ifndef RMFORK_REPORT_H
#define RMFORK_REPORT_H

#include <linux/types.h>

struct rmfork_kargs;
struct ubmem;

long rmfork_query(struct ubmem *ub, const struct rmfork_kargs *kargs);
long rmfork_info(struct ubmem *ub, const struct rmfork_kargs *kargs);
long rmfork_list(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 *cursor);
long rmfork_guests(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 *cursor);
long rmfork_forget(struct ubmem *ub, const struct rmfork_kargs *kargs);

#endif /* RMFORK_REPORT_H */
