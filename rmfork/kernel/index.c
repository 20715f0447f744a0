// SPDX-License-Identifier: GPL-2.0-only
/*
 * The index of a snapshot: which address its pages came from.
 *
 * A chain of blocks, so that it needs no room in a row, and so that it can be written while the
 * pages are found. ubmem may be shared with others: the reader takes a private copy of each
 * block and believes none of it.
 */
#include <linux/slab.h>

#include "rmfork-module.h"

static void flush_block(struct rmfork_index_writer *w, u64 next)
{
	struct rmfork_index_block *block = w->block;

	block->next = next;
	w->crc = rmfork_crc(w->crc, block->ranges, block->count * sizeof(block->ranges[0]));
	ubmem_write(w->snap->ub, w->block_off, block, sizeof(*block));
}

/* Makes the block at hand an empty one, behind what is written already. */
static int next_block(struct rmfork_index_writer *w)
{
	u64 nr, got;
	int ret;

	ret = ubmem_alloc_run(w->snap, 1, &nr, &got);
	if (ret)
		return ret;
	if (w->block_off)
		flush_block(w, nr << PAGE_SHIFT);
	else
		w->first_off = nr << PAGE_SHIFT;
	w->block_off = nr << PAGE_SHIFT;
	memset(w->block, 0, sizeof(*w->block));
	w->block->magic = RMFORK_INDEX_MAGIC;
	w->block->generation = w->snap->header.generation;
	return 0;
}

/**
 * rmfork_index_begin - start an empty index
 * @w:	  filled; ended by rmfork_index_finish() or rmfork_index_abandon()
 * @snap: whose index it will be
 *
 * Return: 0 or -ENOMEM.
 */
int rmfork_index_begin(struct rmfork_index_writer *w, struct rmfork_snapshot *snap)
{
	memset(w, 0, sizeof(*w));
	w->snap = snap;
	w->block = kmalloc(sizeof(*w->block), GFP_KERNEL);
	return w->block ? 0 : -ENOMEM;
}

/**
 * rmfork_index_append - add a page
 * @w:	      the index
 * @vaddr:    where it came from; ascending from call to call
 * @data_off: where it lies
 *
 * Return: 0 or -ENOSPC.
 */
int rmfork_index_append(struct rmfork_index_writer *w, u64 vaddr, u64 data_off)
{
	struct rmfork_index_block *block = w->block;
	struct rmfork_range *last;
	int ret;

	w->pages++;
	if (w->block_off && block->count) {
		last = &block->ranges[block->count - 1];
		if (last->vaddr + (last->nr_pages << PAGE_SHIFT) == vaddr &&
		    last->data_off + (last->nr_pages << PAGE_SHIFT) == data_off) {
			last->nr_pages++;
			return 0;
		}
	}
	if (!w->block_off || block->count == RMFORK_INDEX_BLOCK_RANGES) {
		ret = next_block(w);
		if (ret)
			return ret;
	}
	block->ranges[block->count++] = (struct rmfork_range){
		.vaddr = vaddr,
		.nr_pages = 1,
		.data_off = data_off,
	};
	w->ranges++;
	return 0;
}

/**
 * rmfork_index_finish - write what is left and tell the snapshot's header
 * @w: the index
 */
void rmfork_index_finish(struct rmfork_index_writer *w)
{
	struct rmfork_snapshot_header *header = &w->snap->header;

	if (w->block_off)
		flush_block(w, 0);
	header->page_count = w->pages;
	header->range_count = w->ranges;
	header->index_off = w->first_off;
	header->index_checksum = w->crc;
	rmfork_index_abandon(w);
}

/**
 * rmfork_index_abandon - forget an index; its blocks go with the snapshot
 * @w: the index
 */
void rmfork_index_abandon(struct rmfork_index_writer *w)
{
	kfree(w->block);
	w->block = NULL;
}

/* Whether page number @nr is the snapshot's; the answer cannot change while it is referenced. */
static bool is_mine(const struct rmfork_snapshot *snap, u64 nr)
{
	return nr < snap->ub->nr_pages && READ_ONCE(snap->ub->owner[nr]) == snap->id;
}

/**
 * rmfork_index_rewind - read from the start again
 * @r: an open reader
 */
void rmfork_index_rewind(struct rmfork_index_reader *r)
{
	const struct rmfork_snapshot_header *header = &r->snap->header;

	r->block->count = 0;
	r->at = 0;
	r->next = header->index_off;
	r->pages = header->page_count;
	r->ranges = header->range_count;
	r->floor = 0;
	r->crc = 0;
}

/**
 * rmfork_index_open - read a snapshot's index
 * @r:	  filled; closed by rmfork_index_close()
 * @snap: the caller has a reference, and keeps it longer than the reader
 *
 * Return: 0 or -ENOMEM.
 */
int rmfork_index_open(struct rmfork_index_reader *r, struct rmfork_snapshot *snap)
{
	r->snap = snap;
	r->block = kmalloc(sizeof(*r->block), GFP_KERNEL);
	if (!r->block)
		return -ENOMEM;
	rmfork_index_rewind(r);
	return 0;
}

/**
 * rmfork_index_close - end of reading
 * @r: the reader
 */
void rmfork_index_close(struct rmfork_index_reader *r)
{
	kfree(r->block);
}

static int load_block(struct rmfork_index_reader *r)
{
	struct rmfork_snapshot *snap = r->snap;
	struct rmfork_index_block *block = r->block;

	if (offset_in_page(r->next) || !is_mine(snap, r->next >> PAGE_SHIFT))
		return -EBADMSG;
	ubmem_read(snap->ub, r->next, block, sizeof(*block));
	if (block->magic != RMFORK_INDEX_MAGIC || block->generation != snap->header.generation ||
	    !block->count || block->count > RMFORK_INDEX_BLOCK_RANGES || block->count > r->ranges)
		return -EBADMSG;
	r->crc = rmfork_crc(r->crc, block->ranges, block->count * sizeof(block->ranges[0]));
	r->next = block->next;
	r->at = 0;
	return 0;
}

/* Addresses in user space and ascending; pages all the snapshot's own. */
static bool range_ok(const struct rmfork_index_reader *r, const struct rmfork_range *range)
{
	u64 i, bytes;

	if (!range->nr_pages || range->nr_pages > r->pages)
		return false;
	if (offset_in_page(range->vaddr) || offset_in_page(range->data_off))
		return false;
	/* nr_pages is at most the pool's size by now: this does not overflow. */
	bytes = range->nr_pages << PAGE_SHIFT;
	if (range->vaddr < r->floor || range->vaddr >= TASK_SIZE_MAX ||
	    bytes > TASK_SIZE_MAX - range->vaddr)
		return false;
	for (i = 0; i < range->nr_pages; i++)
		if (!is_mine(r->snap, (range->data_off >> PAGE_SHIFT) + i))
			return false;
	return true;
}

/**
 * rmfork_index_next - the next range
 * @r:	   the reader
 * @range: set, and within all bounds
 *
 * The checksum is known only at the end: a caller that must not act on a damaged index reads it
 * to the end first.
 *
 * Return: 1, 0 at the end of a sound index, or -EBADMSG.
 */
int rmfork_index_next(struct rmfork_index_reader *r, struct rmfork_range *range)
{
	int ret;

	if (r->at == r->block->count) {
		if (!r->ranges)
			return r->pages || r->next ||
			       r->crc != r->snap->header.index_checksum ? -EBADMSG : 0;
		ret = load_block(r);
		if (ret)
			return ret;
	}
	*range = r->block->ranges[r->at++];
	if (!range_ok(r, range))
		return -EBADMSG;
	r->ranges--;
	r->pages -= range->nr_pages;
	r->floor = range->vaddr + (range->nr_pages << PAGE_SHIFT);
	return 1;
}
