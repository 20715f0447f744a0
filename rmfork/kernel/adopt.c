// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding the snapshots of a pool that was there before us: made by this module before it was reloaded
 * or the machine was restarted, or by another machine.
 *
 * Everything is checked before anything is believed, and read only once. Nothing is repaired: a
 * pool with any damage is refused, and its owner decides what to do. What was found by then is
 * forgotten with the pool.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/bitmap.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "rmfork-module.h"

/* Says what is wrong, and where. */
static int damaged(u64 off, const char *what)
{
	pr_err("ubmem is damaged at %#llx: %s\n", off, what);
	return -EBADMSG;
}

static bool page_off_ok(const struct ubmem *ub, u64 off)
{
	return off && !offset_in_page(off) && off >> PAGE_SHIFT < ub->nr_pages;
}

/* Takes the page at @off for one use, and says so if it cannot be that. */
static int claim(struct ubmem *ub, u64 off, enum ubmem_kind kind, const char *what)
{
	if (!page_off_ok(ub, off) || !ubmem_claim(ub, off >> PAGE_SHIFT, kind))
		return damaged(off, what);
	return 0;
}

static int check_header(const struct rmfork_snapshot *snap)
{
	const struct rmfork_snapshot_header *header = &snap->header;

	if (header->magic != RMFORK_SNAPSHOT_MAGIC ||
	    header->layout_version != RMFORK_LAYOUT_VERSION ||
	    header->state != RMFORK_STATE_VALID)
		return damaged(snap->meta_off, "no snapshot, though the directory names one");
	if (header->checksum != rmfork_header_crc(header))
		return damaged(snap->meta_off, "the checksum of a header");
	if (memcmp(header->uuid, snap->ub->uuid, sizeof(header->uuid)) ||
	    header->generation > snap->ub->generation || !header->generation)
		return damaged(snap->meta_off, "a header of another pool");
	if (header->range_count > header->page_count ||
	    header->range_count > snap->ub->nr_pages * RMFORK_INDEX_BLOCK_RANGES)
		return damaged(snap->meta_off, "the counts of a header");
	return 0;
}

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
		return damaged(block_off, "a range of an index");
	for (i = 0; !ret && i < range->nr_pages; i++)
		ret = claim(snap->ub, (nr + i) << PAGE_SHIFT, UBMEM_DATA, "a page of two uses");
	/* As it was written: ranges that could be one are not joined. */
	if (!ret)
		ret = rmfork_index_add_range(&snap->index, range);
	return ret;
}

static int adopt_block(struct rmfork_snapshot *snap, u64 off, struct rmfork_index_block *block)
{
	u32 i;
	int ret;

	ret = claim(snap->ub, off, UBMEM_META, "a block of an index in a wrong place");
	if (ret)
		return ret;
	snap->index.blocks[snap->index.nr_blocks++] = off >> PAGE_SHIFT;
	ubmem_read(snap->ub, off, block, sizeof(*block));
	if (!block_ok(snap, block))
		return damaged(off, "a block of an index");
	for (i = 0; i < block->count; i++) {
		ret = adopt_range(snap, off, &block->ranges[i]);
		if (ret)
			return ret;
	}
	return 0;
}

static int adopt_index(struct rmfork_snapshot *snap, struct rmfork_index_block *block)
{
	const struct rmfork_snapshot_header *header = &snap->header;
	struct rmfork_index *index = &snap->index;
	u64 off = header->index_off;
	u64 most = DIV_ROUND_UP(header->range_count, RMFORK_INDEX_BLOCK_RANGES);
	int ret;

	index->blocks = kvmalloc_array(most + 1, sizeof(*index->blocks), GFP_KERNEL);
	if (!index->blocks)
		return -ENOMEM;
	for (; off && index->nr_blocks < most; off = block->next) {
		ret = adopt_block(snap, off, block);
		if (ret)
			return ret;
		cond_resched();
	}
	if (off || index->nr != header->range_count || index->pages != header->page_count)
		return damaged(snap->meta_off, "the length of an index");
	if (rmfork_crc(0, index->ranges, index->nr * sizeof(index->ranges[0])) !=
	    header->index_checksum)
		return damaged(snap->meta_off, "the checksum of an index");
	/* Also that the blocks are filled as we fill them. */
	return rmfork_index_check(snap) ? damaged(snap->meta_off, "the blocks of an index") : 0;
}

static int adopt_snapshot(struct ubmem *ub, u64 off, u64 slot, struct rmfork_index_block *block)
{
	struct rmfork_snapshot *snap;
	int ret;

	ret = claim(ub, off, UBMEM_META, "a header in a wrong place");
	if (ret)
		return ret;
	snap = rmfork_snapshot_new(ub, off, slot);
	if (!snap)
		return -ENOMEM;
	ubmem_read(ub, off, &snap->header, sizeof(snap->header));
	ret = check_header(snap);
	if (!ret)
		ret = adopt_index(snap, block);
	if (ret)
		rmfork_snapshot_forget(snap);
	else
		rmfork_snapshot_list(snap);
	return ret;
}

static int adopt_slots(struct ubmem *ub, const struct rmfork_dir_block *dir, u64 which,
		       struct rmfork_index_block *scratch)
{
	u64 i, slot;
	int ret;

	for (i = 0; i < RMFORK_DIR_SLOTS; i++) {
		if (!dir->slots[i])
			continue;
		slot = which * RMFORK_DIR_SLOTS + i;
		__set_bit(slot, ub->dir_taken);
		ret = adopt_snapshot(ub, dir->slots[i], slot, scratch);
		if (ret)
			return ret;
	}
	return 0;
}

static int adopt_directory(struct ubmem *ub, u64 off)
{
	struct {
		struct rmfork_dir_block dir;
		struct rmfork_index_block index;
	} *b;
	u64 which;
	int ret = 0;

	b = kmalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	/* It ends: no page can be claimed twice. */
	for (which = 0; !ret && off; which++, off = b->dir.next) {
		ret = claim(ub, off, UBMEM_SYSTEM, "a block of the directory in a wrong place");
		if (ret)
			break;
		ubmem_read(ub, off, &b->dir, sizeof(b->dir));
		if (b->dir.magic != RMFORK_DIR_MAGIC)
			ret = damaged(off, "a block of the directory");
		if (!ret)
			ret = ubmem_dir_note(ub, off >> PAGE_SHIFT);
		if (!ret)
			ret = adopt_slots(ub, &b->dir, which, &b->index);
	}
	kfree(b);
	return ret;
}

/* Whether there never was anything here. */
static bool is_blank(const struct ubmem *ub)
{
	void *page = kmap_local_page(ub->backing->page(ub, 0));
	bool blank = !memchr_inv(page, 0, PAGE_SIZE);

	kunmap_local(page);
	return blank;
}

/**
 * ubmem_adopt - take over what lies in a pool
 * @ub:	  the pool; nobody else knows it, and all pages but the first are free
 * @take: also if another machine has it in use, by its own word
 *
 * Return: 0; -ENOENT if the pool is blank; -EBADMSG, said why, if it holds something else or is damaged;
 * -EBUSY, -ENOMEM. After a failure the caller forgets the pool.
 */
int ubmem_adopt(struct ubmem *ub, bool take)
{
	struct rmfork_super super;
	int ret;

	if (is_blank(ub))
		return -ENOENT;
	ubmem_read(ub, 0, &super, sizeof(super));
	if (super.magic != RMFORK_SUPER_MAGIC || super.layout_version != RMFORK_LAYOUT_VERSION)
		return damaged(0, "no superblock of this layout");
	if (super.checksum != rmfork_crc(0, &super, offsetof(struct rmfork_super, checksum)))
		return damaged(0, "the checksum of the superblock");
	if (super.size != ub->nr_pages << PAGE_SHIFT || !super.dir_off)
		return damaged(0, "a superblock of a pool of another size");
	if (super.user && ub->backing->remote && !take) {
		pr_err("another machine uses ubmem, or went down with it: ubmem_take=1 takes it over\n");
		return -EBUSY;
	}
	memcpy(ub->uuid, super.uuid, sizeof(ub->uuid));
	ub->generation = super.generation;
	ret = adopt_directory(ub, super.dir_off);
	if (!ret)
		ubmem_write_super(ub);
	return ret;
}
