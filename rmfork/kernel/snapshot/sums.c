// SPDX-License-Identifier: GPL-2.0-only
/*
 * Checksums of what pages hold.
 *
 * A page of ubmem is written once, when it is copied at a dump, and nobody changes it afterwards. So its
 * checksum is made then, and is the page's, not the snapshot's: ubmem.sums[] has it as long as any
 * snapshot uses the page. Each snapshot has those of its pages in ubmem besides, for the one who finds
 * the pool later.
 *
 * Restores do not look at them: that would read every page. VERIFY does. They take about a third of the time of
 * a dump besides, so they are made only if ubmem_sums says so.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xxhash.h>

#include "snapshot/header.h"
#include "snapshot/index.h"
#include "snapshot/snapshot.h"
#include "snapshot/sums.h"
#include "ubmem/alloc.h"
#include "ubmem/layout.h"
#include "ubmem/ubmem.h"

bool ubmem_sums;

/**
 * rmfork_sum_page - the checksum of what a page holds
 * @page: the page
 *
 * Return: the checksum, never 0.
 */
u32 rmfork_sum_page(struct page *page)
{
	void *data = kmap_local_page(page);
	u32 sum = xxh64(data, PAGE_SIZE, 0);

	kunmap_local(data);
	return sum ? sum : 1;
}

/**
 * rmfork_sums_note - a page was just stored
 * @ub: the pool
 * @nr: number of the page, in use by the caller's snapshot
 */
void rmfork_sums_note(struct ubmem *ub, u64 nr)
{
	WRITE_ONCE(ub->sums[nr], rmfork_sum_page(ub->backing->page(ub, nr)));
}

/**
 * struct walk - the pages of a snapshot, in order
 * @index: its index
 * @range: number of the range at hand
 * @page:  number of the page in it
 */
struct walk {
	const struct rmfork_index *index;
	u64 range;
	u64 page;
};

/* Sets the number of the next page and its address in the task; false at the end. */
static bool walk_next(struct walk *walk, u64 *nr, u64 *vaddr)
{
	const struct rmfork_range *range;

	if (walk->range == walk->index->nr)
		return false;
	range = &walk->index->ranges[walk->range];
	*nr = (range->data_off >> PAGE_SHIFT) + walk->page;
	*vaddr = range->vaddr + (walk->page << PAGE_SHIFT);
	if (++walk->page == range->nr_pages) {
		walk->range++;
		walk->page = 0;
	}
	return true;
}

/* What the block of number @which has to say, @cursor being the walk up to where it begins. */
static void compose_block(const struct rmfork_snapshot *snap, u64 which, void *page, void *cursor)
{
	const struct rmfork_index *index = &snap->index;
	struct rmfork_sum_block *block = page;
	u64 nr, vaddr;

	memset(block, 0, sizeof(*block));
	block->magic = RMFORK_SUMS_MAGIC;
	block->generation = snap->header.generation;
	if (which + 1 < index->nr_sum_blocks)
		block->next = index->sum_blocks[which + 1] << PAGE_SHIFT;
	while (block->count < RMFORK_SUM_BLOCK_SUMS && walk_next(cursor, &nr, &vaddr))
		block->sums[block->count++] = READ_ONCE(snap->ub->sums[nr]);
}

static u64 blocks_needed(const struct rmfork_index *index)
{
	return DIV_ROUND_UP(index->pages, RMFORK_SUM_BLOCK_SUMS);
}

/* Pages that were stored before checksums were made, and are shared now. */
static void note_missing(struct rmfork_snapshot *snap)
{
	struct walk walk = { .index = &snap->index };
	u64 nr, vaddr;

	while (walk_next(&walk, &nr, &vaddr)) {
		if (READ_ONCE(snap->ub->sums[nr]))
			continue;
		rmfork_sums_note(snap->ub, nr);
		cond_resched();
	}
}

static u32 crc_block(u32 crc, const struct rmfork_sum_block *block)
{
	return rmfork_crc(crc, block->sums, block->count * sizeof(block->sums[0]));
}

/**
 * rmfork_sums_store - write the checksums of the pages of a snapshot into ubmem and tell the header
 * @snap: its index is stored, it is not published yet
 *
 * Return: 0, -ENOMEM or -ENOSPC; rmfork_index_release() is for the caller to do.
 */
int rmfork_sums_store(struct rmfork_snapshot *snap)
{
	struct walk walk = { .index = &snap->index };
	struct rmfork_index *index = &snap->index;
	struct rmfork_sum_block *block;
	u32 crc = 0;
	int ret;
	u64 i;

	ret = rmfork_index_take(snap->ub, blocks_needed(index), &index->sum_blocks,
				&index->nr_sum_blocks);
	if (ret || !index->nr_sum_blocks)
		return ret;
	block = kmalloc(sizeof(*block), GFP_KERNEL);
	if (!block)
		return -ENOMEM;
	note_missing(snap);
	for (i = 0; i < index->nr_sum_blocks; i++) {
		compose_block(snap, i, block, &walk);
		ubmem_write(snap->ub, index->sum_blocks[i] << PAGE_SHIFT, block, sizeof(*block));
		crc = crc_block(crc, block);
	}
	kfree(block);
	snap->header.sums_off = index->sum_blocks[0] << PAGE_SHIFT;
	snap->header.sums_checksum = crc;
	snap->header.stored_pages += index->nr_sum_blocks;
	return 0;
}

static int adopt_block(struct rmfork_snapshot *snap, u64 off, struct walk *walk,
		       struct rmfork_sum_block *block)
{
	struct rmfork_index *index = &snap->index;
	struct ubmem *ub = snap->ub;
	u64 nr, vaddr;
	u32 i;

	if (!ubmem_claim_off(ub, off, UBMEM_META))
		return rmfork_damaged(snap, off, "checksums in a wrong place");
	index->sum_blocks[index->nr_sum_blocks++] = off >> PAGE_SHIFT;
	ubmem_read(ub, off, block, sizeof(*block));
	if (block->magic != RMFORK_SUMS_MAGIC || block->count > RMFORK_SUM_BLOCK_SUMS ||
	    block->generation != snap->header.generation)
		return rmfork_damaged(snap, off, "a block of checksums");
	for (i = 0; i < block->count; i++) {
		if (!block->sums[i] || !walk_next(walk, &nr, &vaddr))
			return rmfork_damaged(snap, off, "the checksums of pages");
		if (ub->sums[nr] && ub->sums[nr] != block->sums[i])
			return rmfork_damaged(snap, off, "two checksums of a page");
		WRITE_ONCE(ub->sums[nr], block->sums[i]);
	}
	return 0;
}

/**
 * rmfork_sums_adopt - copy the checksums of the pages of a snapshot from ubmem
 * @snap: its header is checked and says that it has some, its index is copied
 *
 * Return: 0; -EBADMSG, said why; -ENOMEM or -EINTR. After a failure the index has what was claimed so far.
 */
int rmfork_sums_adopt(struct rmfork_snapshot *snap)
{
	struct walk walk = { .index = &snap->index };
	u64 most = blocks_needed(&snap->index), off = snap->header.sums_off;
	struct rmfork_sum_block *block;
	u32 crc = 0;
	int ret = 0;

	snap->index.sum_blocks = kvmalloc_array(most + 1, sizeof(u64), GFP_KERNEL);
	block = kmalloc(sizeof(*block), GFP_KERNEL);
	if (!block || !snap->index.sum_blocks)
		ret = -ENOMEM;
	while (!ret && off && snap->index.nr_sum_blocks < most) {
		ret = adopt_block(snap, off, &walk, block);
		if (ret)
			break;
		crc = crc_block(crc, block);
		off = block->next;
		cond_resched();
	}
	kfree(block);
	if (ret)
		return ret;
	if (off || walk.range != snap->index.nr || crc != snap->header.sums_checksum)
		return rmfork_damaged(snap, snap->meta_off, "the checksums of pages");
	/* Also that the blocks are filled as we fill them. */
	ret = rmfork_sums_check(snap);
	return ret == -EBADMSG ? rmfork_damaged(snap, snap->meta_off, "the blocks of checksums") :
				 ret;
}

/**
 * rmfork_sums_check - whether the checksums in ubmem are still what was stored
 * @snap: the caller has a reference
 *
 * Return: 0, -EBADMSG or -ENOMEM.
 */
int rmfork_sums_check(struct rmfork_snapshot *snap)
{
	struct walk walk = { .index = &snap->index };

	return rmfork_blocks_check(snap, snap->index.sum_blocks, snap->index.nr_sum_blocks,
				   compose_block, &walk);
}

/**
 * rmfork_sums_check_pages - hold what the pages of a snapshot hold against their checksums
 * @snap:   the caller has a reference
 * @damage: told what differs
 *
 * Reads all the pages, which may take long.
 *
 * Return: 0, whatever differs; -EINTR: the caller was killed.
 */
int rmfork_sums_check_pages(struct rmfork_snapshot *snap, struct rmfork_damage *damage)
{
	struct walk walk = { .index = &snap->index };
	struct ubmem *ub = snap->ub;
	u64 nr, vaddr;

	while (snap->index.nr_sum_blocks && walk_next(&walk, &nr, &vaddr)) {
		if (fatal_signal_pending(current))
			return -EINTR;
		damage->checked++;
		if (rmfork_sum_page(ub->backing->page(ub, nr)) != READ_ONCE(ub->sums[nr]) &&
		    !damage->pages++) {
			damage->vaddr = vaddr;
			damage->off = nr << PAGE_SHIFT;
		}
		cond_resched();
	}
	return 0;
}
