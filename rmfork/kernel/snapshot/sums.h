/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Checksums of what pages hold.
 */
#ifndef RMFORK_SNAPSHOT_SUMS_H
#define RMFORK_SNAPSHOT_SUMS_H

#include <linux/types.h>

struct page;
struct rmfork_damage;
struct rmfork_snapshot;
struct ubmem;

/* A parameter of the module: whether a dump makes them. May change at any time. */
extern bool ubmem_sums;

u32 rmfork_sum_page(struct page *page);
void rmfork_sums_note(struct ubmem *ub, u64 nr);
int rmfork_sums_store(struct rmfork_snapshot *snap);
int rmfork_sums_adopt(struct rmfork_snapshot *snap);
int rmfork_sums_check(struct rmfork_snapshot *snap);
int rmfork_sums_check_pages(struct rmfork_snapshot *snap, struct rmfork_damage *damage);

#endif /* RMFORK_SNAPSHOT_SUMS_H */
