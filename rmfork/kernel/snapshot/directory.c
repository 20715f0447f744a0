// SPDX-License-Identifier: GPL-2.0-only
/*
 * The directory of ubmem: where the snapshots lie that outlive their dump.
 *
 * Somebody who finds ubmem after us, our own module after a restart among them, begins at the superblock
 * and goes by the directory; what is not named there is free. A snapshot is entered, by one word, when
 * it is complete and belongs to nobody who may still die, and struck out before it is freed.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "snapshot/directory.h"
#include "snapshot/snapshot.h"
#include "ubmem/alloc.h"
#include "ubmem/layout.h"
#include "ubmem/super.h"
#include "ubmem/ubmem.h"

static u64 slot_off(const struct ubmem *ub, u64 slot)
{
	return (ub->snapshots->directory.blocks[slot / RMFORK_DIR_SLOTS] << PAGE_SHIFT) +
	       offsetof(struct rmfork_dir_block, slots) +
	       slot % RMFORK_DIR_SLOTS * sizeof(u64);
}

/**
 * ubmem_dir_note - remember a block of the directory
 * @ub: the pool
 * @nr: number of its page, UBMEM_SYSTEM
 *
 * Context: under ub->lock, or before anybody else knows the pool.
 * Return: 0 or -ENOMEM.
 */
int ubmem_dir_note(struct ubmem *ub, u64 nr)
{
	u64 blocks = ub->snapshots->directory.nr + 1, *where, *taken;

	where = kvmalloc_array(blocks, sizeof(*where), GFP_KERNEL);
	taken = kvcalloc(BITS_TO_LONGS(blocks * RMFORK_DIR_SLOTS), sizeof(*taken), GFP_KERNEL);
	if (!where || !taken) {
		kvfree(where);
		kvfree(taken);
		return -ENOMEM;
	}
	if (ub->snapshots->directory.nr) {
		memcpy(where, ub->snapshots->directory.blocks, ub->snapshots->directory.nr * sizeof(*where));
		bitmap_copy((unsigned long *)taken, ub->snapshots->directory.taken,
			    ub->snapshots->directory.nr * RMFORK_DIR_SLOTS);
	}
	where[blocks - 1] = nr;
	kvfree(ub->snapshots->directory.blocks);
	kvfree(ub->snapshots->directory.taken);
	ub->snapshots->directory.blocks = where;
	ub->snapshots->directory.taken = (unsigned long *)taken;
	ub->snapshots->directory.nr = blocks;
	return 0;
}

/* An empty block, not in the chain yet. */
static void clear_block(struct ubmem *ub, u64 nr)
{
	u32 magic = RMFORK_DIR_MAGIC;

	ubmem_clear(ub, nr);
	ubmem_write(ub, (nr << PAGE_SHIFT) + offsetof(struct rmfork_dir_block, magic), &magic,
		    sizeof(magic));
}

/**
 * ubmem_dir_format - make an empty directory
 * @ub: the pool; nobody else knows it
 * @nr: number of the page for its first block
 *
 * Return: 0 or -ENOMEM.
 */
int ubmem_dir_format(struct ubmem *ub, u64 nr)
{
	clear_block(ub, nr);
	ub->directory = nr;
	return ubmem_dir_note(ub, nr);
}

/* Under ub->lock. */
static int add_block(struct ubmem *ub)
{
	u64 nr, off = (ub->snapshots->directory.blocks[ub->snapshots->directory.nr - 1] << PAGE_SHIFT) +
		      offsetof(struct rmfork_dir_block, next);
	int ret;

	ret = ubmem_take_system(ub, &nr);
	if (ret)
		return ret;
	clear_block(ub, nr);
	ret = ubmem_dir_note(ub, nr);
	if (ret) {
		ubmem_put_system(ub, nr);
		return ret;
	}
	/* An empty block is there before the chain leads to it. */
	ubmem_barrier(ub);
	ubmem_write_word(ub, off, nr << PAGE_SHIFT);
	ubmem_barrier(ub);
	return 0;
}

/**
 * ubmem_dir_reserve - find a place in the directory
 * @ub:	  the pool
 * @slot: set to the place's number
 *
 * Context: takes ub->lock.
 * Return: 0, -ENOSPC, -ENOMEM or -ESTALE.
 */
int ubmem_dir_reserve(struct ubmem *ub, u64 *slot)
{
	u64 nr;
	int ret = 0;

	mutex_lock(&ub->lock);
	nr = ub->snapshots->directory.nr * RMFORK_DIR_SLOTS;
	*slot = find_first_zero_bit(ub->snapshots->directory.taken, nr);
	if (*slot == nr)
		ret = add_block(ub);
	if (!ret)
		__set_bit(*slot, ub->snapshots->directory.taken);
	mutex_unlock(&ub->lock);
	return ret;
}

/**
 * ubmem_dir_enter - name a snapshot in the directory
 * @snap: complete, with a place reserved
 *
 * Context: under ub->lock.
 */
void ubmem_dir_enter(struct rmfork_snapshot *snap)
{
	/* Its header and all that belongs to it is there, by rmfork_header_publish(). */
	ubmem_write_word(snap->ub, slot_off(snap->ub, snap->slot), snap->meta_off);
	ubmem_barrier(snap->ub);
}

/* What the block of number @which has to say. Under ub->lock. */
static void compose_block(const struct ubmem *ub, u64 which, struct rmfork_dir_block *block)
{
	u64 first = which * RMFORK_DIR_SLOTS;
	const struct rmfork_snapshot *snap;

	memset(block, 0, sizeof(*block));
	block->magic = RMFORK_DIR_MAGIC;
	if (which + 1 < ub->snapshots->directory.nr)
		block->next = ub->snapshots->directory.blocks[which + 1] << PAGE_SHIFT;
	list_for_each_entry(snap, &ub->snapshots->list, node)
		/* One that belongs to a session has a place and is not entered there. */
		if (list_empty(&snap->owned) && snap->slot >= first &&
		    snap->slot < first + RMFORK_DIR_SLOTS)
			block->slots[snap->slot - first] = snap->meta_off;
}

/**
 * ubmem_dir_check - whether the directory is still what was written
 * @ub: the pool
 *
 * Context: takes ub->lock.
 * Return: 0, -EBADMSG or -ENOMEM.
 */
int ubmem_dir_check(struct ubmem *ub)
{
	struct rmfork_dir_block *blocks;
	int ret = 0;
	u64 i;

	blocks = kmalloc_array(2, sizeof(*blocks), GFP_KERNEL);
	if (!blocks)
		return -ENOMEM;
	mutex_lock(&ub->lock);
	for (i = 0; !ret && i < ub->snapshots->directory.nr; i++) {
		compose_block(ub, i, &blocks[0]);
		ubmem_read(ub, ub->snapshots->directory.blocks[i] << PAGE_SHIFT, &blocks[1], sizeof(blocks[1]));
		if (memcmp(&blocks[0], &blocks[1], sizeof(blocks[0])))
			ret = -EBADMSG;
	}
	mutex_unlock(&ub->lock);
	kfree(blocks);
	return ret;
}

/* Gives up blocks at the end that name nothing. Under ub->lock. */
static void shrink(struct ubmem *ub)
{
	u64 last, off;

	while (ub->snapshots->directory.nr > 1) {
		last = ub->snapshots->directory.nr - 1;
		if (find_next_bit(ub->snapshots->directory.taken, ub->snapshots->directory.nr * RMFORK_DIR_SLOTS,
				  last * RMFORK_DIR_SLOTS) <
		    ub->snapshots->directory.nr * RMFORK_DIR_SLOTS)
			return;
		off = (ub->snapshots->directory.blocks[last - 1] << PAGE_SHIFT) +
		      offsetof(struct rmfork_dir_block, next);
		ubmem_write_word(ub, off, 0);
		/* Before its page is another's. */
		ubmem_barrier(ub);
		ub->snapshots->directory.nr = last;
		ubmem_put_system(ub, ub->snapshots->directory.blocks[last]);
	}
}

/**
 * ubmem_dir_strike - name a snapshot no more, and give its place up
 * @snap: with a place reserved, entered or not
 *
 * Context: under ub->lock.
 */
void ubmem_dir_strike(struct rmfork_snapshot *snap)
{
	bool lost = ubmem_lost(snap->ub);

	if (!lost)
		ubmem_write_word(snap->ub, slot_off(snap->ub, snap->slot), 0);
	/* Before anything of the snapshot changes. */
	ubmem_barrier(snap->ub);
	__clear_bit(snap->slot, snap->ub->snapshots->directory.taken);
	snap->slot = RMFORK_NO_SLOT;
	if (!lost)
		shrink(snap->ub);
}

/**
 * ubmem_dir_tidy - strike out what the directory of a pool that is found names, and what is freed
 * @ub: the pool; nobody else knows it
 */
void ubmem_dir_tidy(struct ubmem *ub)
{
	const struct rmfork_directory *dir = &ub->snapshots->directory;
	u64 slot;

	for (slot = 0; slot < dir->nr * RMFORK_DIR_SLOTS; slot++)
		if (!test_bit(slot, dir->taken) && ubmem_read_word(ub, slot_off(ub, slot)))
			ubmem_write_word(ub, slot_off(ub, slot), 0);
	/* Before their pages are others'. */
	ubmem_barrier(ub);
}

/**
 * ubmem_dir_forget - free what this kernel knows of the directory, not what lies in ubmem
 * @ub: the pool, which is being given up
 */
void ubmem_dir_forget(struct ubmem *ub)
{
	kvfree(ub->snapshots->directory.blocks);
	kvfree(ub->snapshots->directory.taken);
}
