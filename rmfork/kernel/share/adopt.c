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
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "rmfork-module.h"

/**
 * ubmem_damaged - say what is wrong, and where
 * @off:  offset in ubmem
 * @what: what is wrong there
 *
 * Return: -EBADMSG.
 */
int ubmem_damaged(u64 off, const char *what)
{
	pr_err("ubmem is damaged at %#llx: %s\n", off, what);
	return -EBADMSG;
}

/**
 * ubmem_off_ok - whether an offset, from whoever, is one of a page, and not of the superblock
 * @ub:	 the pool
 * @off: the offset
 */
bool ubmem_off_ok(const struct ubmem *ub, u64 off)
{
	return off && !offset_in_page(off) && off >> PAGE_SHIFT < ub->nr_pages;
}

/**
 * rmfork_damaged - as ubmem_damaged(), for what belongs to a snapshot
 * @snap: the snapshot. Of one that is freed nothing is said: only a guest's pin names it, which may be
 *	  just being dropped
 * @off:  offset in ubmem
 * @what: what is wrong there
 *
 * Return: -EBADMSG.
 */
int rmfork_damaged(const struct rmfork_snapshot *snap, u64 off, const char *what)
{
	return snap->freed ? -EBADMSG : ubmem_damaged(off, what);
}

/**
 * rmfork_adopt_claim - take the page at an offset for one use, by the word of what lies in the pool
 * @ub:	  the pool
 * @off:  the offset, from whoever
 * @kind: what it is used for
 *
 * Return: whether it can be that.
 */
bool rmfork_adopt_claim(struct ubmem *ub, u64 off, enum ubmem_kind kind)
{
	return ubmem_off_ok(ub, off) && ubmem_claim(ub, off >> PAGE_SHIFT, kind);
}

/**
 * rmfork_header_fault - why a header that was read from ubmem can be none of this pool
 * @snap: with the header
 *
 * Return: the reason, or NULL if it can.
 */
const char *rmfork_header_fault(const struct rmfork_snapshot *snap)
{
	const struct rmfork_snapshot_header *header = &snap->header;

	if (header->magic != RMFORK_SNAPSHOT_MAGIC ||
	    header->layout_version != RMFORK_LAYOUT_VERSION ||
	    header->state != RMFORK_STATE_VALID)
		return "no snapshot, though the directory names one";
	if (header->checksum != rmfork_header_crc(header))
		return "the checksum of a header";
	if (memcmp(header->uuid, snap->ub->uuid, sizeof(header->uuid)) ||
	    header->generation > snap->ub->generation || !header->generation)
		return "a header of another pool";
	/* Whoever dumps keeps to it (store.c), and whoever restores or adopts has an end in sight. */
	if (header->page_count > snap->ub->nr_pages || header->range_count > header->page_count ||
	    header->range_count > snap->ub->nr_pages * RMFORK_INDEX_BLOCK_RANGES)
		return "the counts of a header";
	return NULL;
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
		return rmfork_damaged(snap, block_off, "a range of an index");
	if (fatal_signal_pending(current))
		return -EINTR;
	cond_resched();
	for (i = 0; i < range->nr_pages; i++) {
		if (rmfork_adopt_claim(snap->ub, (nr + i) << PAGE_SHIFT, UBMEM_DATA))
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

	if (!rmfork_adopt_claim(snap->ub, off, UBMEM_META))
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

static int adopt_snapshot(struct ubmem *ub, u64 off, u64 slot)
{
	struct rmfork_snapshot *snap;
	const char *fault;
	int ret;

	if (!rmfork_adopt_claim(ub, off, UBMEM_META))
		return ubmem_damaged(off, "a header in a wrong place");
	snap = rmfork_snapshot_new(ub, off, slot);
	if (!snap)
		return -ENOMEM;
	ubmem_read(ub, off, &snap->header, sizeof(snap->header));
	fault = rmfork_header_fault(snap);
	ret = fault ? ubmem_damaged(off, fault) : rmfork_adopt_index(snap);
	if (ret)
		rmfork_snapshot_forget(snap);
	else
		rmfork_snapshot_list(snap);
	return ret;
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

	if (!rmfork_adopt_claim(ub, pin->meta_off, UBMEM_META))
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

static int adopt_slots(struct ubmem *ub, const struct rmfork_dir_block *dir, u64 which)
{
	u64 i, slot;
	int ret;

	for (i = 0; i < RMFORK_DIR_SLOTS; i++) {
		if (!dir->slots[i])
			continue;
		slot = which * RMFORK_DIR_SLOTS + i;
		__set_bit(slot, ub->dir_taken);
		ret = adopt_snapshot(ub, dir->slots[i], slot);
		if (ret)
			return ret;
	}
	return 0;
}

static int adopt_directory(struct ubmem *ub, u64 off)
{
	struct rmfork_dir_block *dir;
	u64 which;
	int ret = 0;

	dir = kmalloc(sizeof(*dir), GFP_KERNEL);
	if (!dir)
		return -ENOMEM;
	/* It ends: no page can be claimed twice. */
	for (which = 0; !ret && off; which++, off = dir->next) {
		if (!rmfork_adopt_claim(ub, off, UBMEM_SYSTEM)) {
			ret = ubmem_damaged(off, "a block of the directory in a wrong place");
			break;
		}
		ubmem_read(ub, off, dir, sizeof(*dir));
		if (dir->magic != RMFORK_DIR_MAGIC)
			ret = ubmem_damaged(off, "a block of the directory");
		if (!ret)
			ret = ubmem_dir_note(ub, off >> PAGE_SHIFT);
		if (!ret)
			ret = adopt_slots(ub, dir, which);
	}
	kfree(dir);
	return ret;
}

/**
 * ubmem_blank - whether there never was anything in a pool
 * @ub: the pool
 */
bool ubmem_blank(const struct ubmem *ub)
{
	void *page = kmap_local_page(ub->backing->page(ub, 0));
	bool blank = !memchr_inv(page, 0, PAGE_SIZE);

	kunmap_local(page);
	return blank;
}

/* Another machine may be just writing it. */
#define SUPER_TRIES 100

static bool read_super(struct ubmem *ub, struct rmfork_super *super)
{
	int left;

	for (left = ub->guest ? SUPER_TRIES : 1;;) {
		ubmem_read(ub, 0, super, sizeof(*super));
		if (super->checksum ==
		    rmfork_crc(0, super, offsetof(struct rmfork_super, checksum)))
			return true;
		if (!--left)
			return false;
		usleep_range(1000, 2000);
	}
}

/**
 * ubmem_adopt_super - read the superblock of a pool that is there, and check it
 * @ub:	   the pool
 * @super: filled
 *
 * Return: 0, or -EBADMSG, said why.
 */
int ubmem_adopt_super(struct ubmem *ub, struct rmfork_super *super)
{
	bool whole = read_super(ub, super);

	if (super->magic != RMFORK_SUPER_MAGIC)
		return ubmem_damaged(0, "no superblock");
	if (super->layout_version != RMFORK_LAYOUT_VERSION) {
		pr_err("ubmem holds a pool of layout %u, and this module has layout %u\n",
		       super->layout_version, RMFORK_LAYOUT_VERSION);
		return -EBADMSG;
	}
	if (!whole)
		return ubmem_damaged(0, "the checksum of the superblock");
	if (super->size != ub->nr_pages << PAGE_SHIFT || !super->dir_off)
		return ubmem_damaged(0, "a superblock of a pool of another size");
	return 0;
}

/**
 * ubmem_adopt - take over what lies in a pool
 * @ub:	  the pool; nobody else knows it, and all pages but the first are free
 * @take: also if another machine has it in use, by its own word
 *
 * Return: 0; -ENOENT if the pool is blank; -EBADMSG, said why, if it holds something else or is damaged;
 * -EBUSY, -ENOMEM, -EINTR. After a failure the caller forgets the pool.
 */
int ubmem_adopt(struct ubmem *ub, bool take)
{
	struct rmfork_super super;
	int ret;

	if (ubmem_blank(ub))
		return -ENOENT;
	ret = ubmem_adopt_super(ub, &super);
	if (ret)
		return ret;
	if (super.user && ub->backing->remote && !take) {
		pr_err("another machine uses ubmem: ubmem_attach=1 uses it as a guest, and ubmem_take=1 takes it over if that machine went down\n");
		return -EBUSY;
	}
	memcpy(ub->uuid, super.uuid, sizeof(ub->uuid));
	ub->generation = super.generation;
	ret = ubmem_guests_adopt(ub, super.guests_off);
	if (!ret)
		ret = adopt_directory(ub, super.dir_off);
	if (!ret)
		ret = ubmem_pins_adopt(ub);
	return ret ? ret : ubmem_write_super(ub);
}
