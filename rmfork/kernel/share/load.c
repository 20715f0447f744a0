// SPDX-License-Identifier: GPL-2.0-only
/*
 * Copying what belongs to a snapshot from a pool that is there, and claiming its pages.
 *
 * Everything is checked before anything is believed, and read only once.
 */
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "share/load.h"
#include "snapshot/header.h"
#include "snapshot/index.h"
#include "snapshot/snapshot.h"
#include "snapshot/sums.h"
#include "ubmem/alloc.h"
#include "ubmem/layout.h"
#include "ubmem/ubmem.h"

static bool block_ok(const struct rmfork_snapshot *snap, const struct rmfork_index_block *block)
{
	return block->magic == RMFORK_INDEX_MAGIC &&
	       block->generation == snap->header.generation && block->count &&
	       block->count <= RMFORK_INDEX_BLOCK_RANGES &&
	       block->count <= snap->header.range_count - snap->index.nr;
}

/* Addresses in user space and ascending, and as many pages as may be left. */
static bool range_ok(const struct rmfork_snapshot *snap, const struct rmfork_range *range)
{
	const struct rmfork_index *index = &snap->index;
	const struct rmfork_range *last;
	u64 bytes;

	if (!range->nr_pages || range->nr_pages > snap->header.page_count - index->pages ||
	    range->nr_pages > snap->ub->nr_pages)
		return false;
	bytes = range->nr_pages << PAGE_SHIFT;
	if (offset_in_page(range->vaddr) || range->vaddr >= TASK_SIZE_MAX ||
	    bytes > TASK_SIZE_MAX - range->vaddr)
		return false;
	if (offset_in_page(range->data_off) ||
	    range->data_off >> PAGE_SHIFT > snap->ub->nr_pages - range->nr_pages)
		return false;
	if (!index->nr)
		return true;
	last = &index->ranges[index->nr - 1];
	return range->vaddr >= last->vaddr + (last->nr_pages << PAGE_SHIFT);
}

static int adopt_range(struct rmfork_snapshot *snap, u64 block_off,
		       const struct rmfork_range *range)
{
	u64 i, nr = range->data_off >> PAGE_SHIFT;
	int ret = 0;

	if (!range_ok(snap, range))
		return rmfork_damaged(snap, block_off, "a range of an index");
	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	for (i = 0; i < range->nr_pages; i++) {
		if (ubmem_claim_off(snap->ub, (nr + i) << PAGE_SHIFT, UBMEM_DATA))
			continue;
		ret = rmfork_damaged(snap, (nr + i) << PAGE_SHIFT, "a page of two uses");
		break;
	}
	/* As it was written: ranges that could be one are not joined. */
	if (!ret)
		ret = rmfork_index_add_range(&snap->index, range);
	if (ret)
		ubmem_put_run(snap->ub, nr, i);
	return ret;
}

static int adopt_block(struct rmfork_snapshot *snap, u64 off, struct rmfork_index_block *block)
{
	u32 i;
	int ret;

	if (!ubmem_claim_off(snap->ub, off, UBMEM_META))
		return rmfork_damaged(snap, off, "a block of an index in a wrong place");
	snap->index.blocks[snap->index.nr_blocks++] = off >> PAGE_SHIFT;
	ubmem_read(snap->ub, off, block, sizeof(*block));
	if (!block_ok(snap, block))
		return rmfork_damaged(snap, off, "a block of an index");
	for (i = 0; i < block->count; i++) {
		ret = adopt_range(snap, off, &block->ranges[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int adopt_blocks(struct rmfork_snapshot *snap, u64 most)
{
	struct rmfork_index_block *block;
	u64 off = snap->header.index_off;
	int ret = 0;

	block = kmalloc(sizeof(*block), GFP_KERNEL);
	if (!block)
		return -ENOMEM;
	while (!ret && off && snap->index.nr_blocks < most) {
		ret = adopt_block(snap, off, block);
		off = block->next;
		cond_resched();
	}
	kfree(block);
	if (!ret && off)
		ret = rmfork_damaged(snap, snap->meta_off, "the length of an index");
	return ret;
}

/**
 * rmfork_adopt_index - copy the index of a snapshot from ubmem, and claim its pages
 * @snap: its header is checked, its index is empty
 *
 * Return: 0; -EBADMSG, said why; -ENOMEM or -EINTR. After a failure the index has what was claimed so far.
 */
int rmfork_adopt_index(struct rmfork_snapshot *snap)
{
	const struct rmfork_snapshot_header *header = &snap->header;
	struct rmfork_index *index = &snap->index;
	u64 most = DIV_ROUND_UP(header->range_count, RMFORK_INDEX_BLOCK_RANGES);
	int ret;

	index->blocks = kvmalloc_array(most + 1, sizeof(*index->blocks), GFP_KERNEL);
	if (!index->blocks)
		return -ENOMEM;
	ret = adopt_blocks(snap, most);
	if (ret)
		return ret;
	if (index->nr != header->range_count || index->pages != header->page_count)
		return rmfork_damaged(snap, snap->meta_off, "the length of an index");
	if (rmfork_crc(0, index->ranges, index->nr * sizeof(index->ranges[0])) !=
	    header->index_checksum)
		return rmfork_damaged(snap, snap->meta_off, "the checksum of an index");
	/* Also that the blocks are filled as we fill them. */
	ret = rmfork_index_check(snap);
	if (ret == -EBADMSG)
		return rmfork_damaged(snap, snap->meta_off, "the blocks of an index");
	return ret || !header->sums_off ? ret : rmfork_sums_adopt(snap);
}

/**
 * rmfork_adopt_freed - find a snapshot again that is freed, but pinned by a guest
 * @ub:	 the pool; all snapshots that are not freed are known
 * @pin: what the guest says
 *
 * Return: the snapshot, which has its pages, with a reference for the caller, or an ERR_PTR: -ENOENT, nothing
 * said, if there is none; -ENOMEM or -EINTR.
 */
struct rmfork_snapshot *rmfork_adopt_freed(struct ubmem *ub, const struct rmfork_guest_pin *pin)
{
	struct rmfork_snapshot *snap;
	int ret = -EBADMSG;

	if (!ubmem_claim_off(ub, pin->meta_off, UBMEM_META))
		return ERR_PTR(-ENOENT);
	snap = rmfork_snapshot_new(ub, pin->meta_off, RMFORK_NO_SLOT);
	if (!snap) {
		ubmem_put_run(ub, pin->meta_off >> PAGE_SHIFT, 1);
		return ERR_PTR(-ENOMEM);
	}
	snap->freed = true;
	ubmem_read(ub, pin->meta_off, &snap->header, sizeof(snap->header));
	/* As it was before rmfork_header_retract(). */
	snap->header.magic = RMFORK_SNAPSHOT_MAGIC;
	snap->header.state = RMFORK_STATE_VALID;
	if (snap->header.generation == pin->generation && !rmfork_header_fault(snap))
		ret = rmfork_adopt_index(snap);
	if (!ret)
		return snap;
	rmfork_snapshot_put(snap);
	return ERR_PTR(ret == -EBADMSG ? -ENOENT : ret);
}
