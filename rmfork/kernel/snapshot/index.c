// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of a snapshot: which address its pages came from.
 *
 * What restores go by is the array in our memory. A copy lies in ubmem, as a chain of blocks, so
 * that it needs no room in a row; it is for others who read ubmem, and tells whether ubmem is
 * still sound.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "snapshot/index.h"
#include "snapshot/snapshot.h"
#include "ubmem/alloc.h"
#include "ubmem/layout.h"
#include "ubmem/ubmem.h"

#define LEAST_ROOM 64

/* Makes room for one more range. */
static int grow(struct rmfork_index *index)
{
	u64 room = max_t(u64, LEAST_ROOM, index->room * 2);
	struct rmfork_range *ranges;

	ranges = kvmalloc_array(room, sizeof(*ranges), GFP_KERNEL);
	if (!ranges)
		return -ENOMEM;
	if (index->nr)
		memcpy(ranges, index->ranges, index->nr * sizeof(*ranges));
	kvfree(index->ranges);
	index->ranges = ranges;
	index->room = room;
	return 0;
}

/**
 * rmfork_index_add_range - add a range as it is
 * @index: the index; not stored yet
 * @range: behind all that were added before. The index takes the caller's use of the pages over
 *
 * Return: 0 or -ENOMEM; then the pages are still the caller's.
 */
int rmfork_index_add_range(struct rmfork_index *index, const struct rmfork_range *range)
{
	int ret;

	if (index->nr == index->room) {
		ret = grow(index);
		if (ret)
			return ret;
	}
	index->ranges[index->nr++] = *range;
	index->pages += range->nr_pages;
	return 0;
}

static bool continues(const struct rmfork_range *range, u64 vaddr, u64 data_off)
{
	u64 bytes = range->nr_pages << PAGE_SHIFT;

	return range->vaddr + bytes == vaddr && range->data_off + bytes == data_off;
}

/**
 * rmfork_index_append - add pages
 * @index:    the index, all zero to begin with; not stored yet
 * @vaddr:    where the first came from; behind all that were added before
 * @nr_pages: how many, in a row in the task and in ubmem
 * @data_off: where the first lies. The index takes the caller's use of the pages over
 *
 * Return: 0 or -ENOMEM; then the pages are still the caller's.
 */
int rmfork_index_append(struct rmfork_index *index, u64 vaddr, u64 nr_pages, u64 data_off)
{
	struct rmfork_range range = {
		.vaddr = vaddr,
		.nr_pages = nr_pages,
		.data_off = data_off,
	};

	if (!index->nr || !continues(&index->ranges[index->nr - 1], vaddr, data_off))
		return rmfork_index_add_range(index, &range);
	index->ranges[index->nr - 1].nr_pages += nr_pages;
	index->pages += nr_pages;
	return 0;
}

static u64 blocks_needed(const struct rmfork_index *index)
{
	return DIV_ROUND_UP(index->nr, RMFORK_INDEX_BLOCK_RANGES);
}

/**
 * rmfork_index_take - take the pages for the blocks of an index
 * @ub:	    the pool
 * @want:   how many
 * @blocks: set to an array of their numbers
 * @nr:	    0 to begin with; set to how many there are, also on failure
 *
 * Return: 0, -ENOMEM or -ENOSPC.
 */
int rmfork_index_take(struct ubmem *ub, u64 want, u64 **blocks, u64 *nr)
{
	u64 first, got, i;
	int ret;

	if (!want)
		return 0;
	*blocks = kvmalloc_array(want, sizeof(**blocks), GFP_KERNEL);
	if (!*blocks)
		return -ENOMEM;
	while (*nr < want) {
		ret = ubmem_alloc_run(ub, UBMEM_META, want - *nr, &first, &got);
		if (ret)
			return ret;
		for (i = 0; i < got; i++)
			(*blocks)[(*nr)++] = first + i;
	}
	return 0;
}

/* What the block of number @which has to say. */
static void compose_block(const struct rmfork_snapshot *snap, u64 which, void *page, void *unused)
{
	const struct rmfork_index *index = &snap->index;
	struct rmfork_index_block *block = page;
	u64 at = which * RMFORK_INDEX_BLOCK_RANGES;

	memset(block, 0, sizeof(*block));
	block->magic = RMFORK_INDEX_MAGIC;
	block->generation = snap->header.generation;
	block->count = min_t(u64, index->nr - at, RMFORK_INDEX_BLOCK_RANGES);
	if (which + 1 < index->nr_blocks)
		block->next = index->blocks[which + 1] << PAGE_SHIFT;
	memcpy(block->ranges, index->ranges + at, block->count * sizeof(block->ranges[0]));
}

/**
 * rmfork_index_store - write the complete index into ubmem and tell the header
 * @snap: not published yet
 *
 * Return: 0, -ENOMEM or -ENOSPC; rmfork_index_release() is for the caller to do.
 */
int rmfork_index_store(struct rmfork_snapshot *snap)
{
	struct rmfork_snapshot_header *header = &snap->header;
	struct rmfork_index *index = &snap->index;
	struct rmfork_index_block *block;
	int ret;
	u64 i;

	ret = rmfork_index_take(snap->ub, blocks_needed(index), &index->blocks,
				&index->nr_blocks);
	if (ret)
		return ret;
	block = kmalloc(sizeof(*block), GFP_KERNEL);
	if (!block)
		return -ENOMEM;
	for (i = 0; i < index->nr_blocks; i++) {
		compose_block(snap, i, block, NULL);
		ubmem_write(snap->ub, index->blocks[i] << PAGE_SHIFT, block, sizeof(*block));
	}
	kfree(block);
	header->page_count = index->pages;
	header->range_count = index->nr;
	header->index_off = index->nr_blocks ? index->blocks[0] << PAGE_SHIFT : 0;
	header->index_checksum =
		rmfork_crc(0, index->ranges, index->nr * sizeof(index->ranges[0]));
	header->stored_pages = index->pages + index->nr_blocks + 1;
	return 0;
}

/**
 * rmfork_blocks_check - whether blocks in ubmem are still what was stored
 * @snap:    the caller has a reference
 * @blocks:  the numbers of their pages
 * @nr:	     how many
 * @compose: says what each has to hold, one after another
 * @cursor:  for @compose
 *
 * Return: 0, -EBADMSG or -ENOMEM.
 */
int rmfork_blocks_check(struct rmfork_snapshot *snap, const u64 *blocks, u64 nr,
			rmfork_compose_fn *compose, void *cursor)
{
	void *wanted = kmalloc(2 * PAGE_SIZE, GFP_KERNEL);
	void *there = wanted + PAGE_SIZE;
	int ret = 0;
	u64 i;

	if (!wanted)
		return -ENOMEM;
	for (i = 0; !ret && i < nr; i++) {
		compose(snap, i, wanted, cursor);
		ubmem_read(snap->ub, blocks[i] << PAGE_SHIFT, there, PAGE_SIZE);
		if (memcmp(wanted, there, PAGE_SIZE))
			ret = -EBADMSG;
		cond_resched();
	}
	kfree(wanted);
	return ret;
}

/**
 * rmfork_index_check - whether the index in ubmem is still what was stored
 * @snap: the caller has a reference
 *
 * Return: 0, -EBADMSG or -ENOMEM.
 */
int rmfork_index_check(struct rmfork_snapshot *snap)
{
	return rmfork_blocks_check(snap, snap->index.blocks, snap->index.nr_blocks,
				   compose_block, NULL);
}

/**
 * rmfork_index_release - the snapshot uses its pages no more
 * @snap: its index, complete or not, is empty afterwards
 *
 * Context: takes ub->lock; the caller has the module pinned.
 */
void rmfork_index_release(struct rmfork_snapshot *snap)
{
	struct rmfork_index *index = &snap->index;
	u64 i;

	for (i = 0; i < index->nr; i++)
		ubmem_put_run(snap->ub, index->ranges[i].data_off >> PAGE_SHIFT,
			      index->ranges[i].nr_pages);
	for (i = 0; i < index->nr_blocks; i++)
		ubmem_put_run(snap->ub, index->blocks[i], 1);
	for (i = 0; i < index->nr_sum_blocks; i++)
		ubmem_put_run(snap->ub, index->sum_blocks[i], 1);
	kvfree(index->ranges);
	kvfree(index->blocks);
	kvfree(index->sum_blocks);
	memset(index, 0, sizeof(*index));
}
