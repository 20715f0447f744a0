/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The index of a snapshot, in our memory and in ubmem.
 */
#ifndef RMFORK_SNAPSHOT_INDEX_H
#define RMFORK_SNAPSHOT_INDEX_H

#include <linux/types.h>
#include <rmfork/uapi.h>

struct rmfork_snapshot;
struct ubmem;

/**
 * struct rmfork_index - which address each page of a snapshot came from
 * @ranges:    ascending; the pages are UBMEM_DATA, with the snapshot as a user
 * @nr:	       ranges
 * @room:      ranges there is room for
 * @pages:     in all ranges
 * @blocks:    numbers of the pages that hold it in ubmem, UBMEM_META; NULL until it is stored
 * @nr_blocks: their number
 * @sum_blocks: as @blocks, for the checksums of the pages
 * @nr_sum_blocks: their number; 0: it has no checksums
 */
struct rmfork_index {
	struct rmfork_range *ranges;
	u64 nr;
	u64 room;
	u64 pages;
	u64 *blocks;
	u64 nr_blocks;
	u64 *sum_blocks;
	u64 nr_sum_blocks;
};

int rmfork_index_add_range(struct rmfork_index *index, const struct rmfork_range *range);
int rmfork_index_append(struct rmfork_index *index, u64 vaddr, u64 nr_pages, u64 data_off);
int rmfork_index_store(struct rmfork_snapshot *snap);
/* Fills @page, whole, with what block number @which of a chain has to hold. */
typedef void rmfork_compose_fn(const struct rmfork_snapshot *snap, u64 which, void *page,
			       void *cursor);
int rmfork_blocks_check(struct rmfork_snapshot *snap, const u64 *blocks, u64 nr,
			rmfork_compose_fn *compose, void *cursor);
int rmfork_index_check(struct rmfork_snapshot *snap);
int rmfork_index_take(struct ubmem *ub, u64 want, u64 **blocks, u64 *nr);
void rmfork_index_release(struct rmfork_snapshot *snap);

#endif /* RMFORK_SNAPSHOT_INDEX_H */
