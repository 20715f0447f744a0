// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding the snapshots of a pool that was there before us: made by this module before it was reloaded
 * or the machine was restarted, or by another machine.
 *
 * Everything is checked before anything is believed, and read only once. An update that was interrupted, at
 * whatever store, counts as not begun, or is brought to its end. Nothing else is repaired: a pool with any damage is
 * refused, and its owner decides what to do. What was found by then is forgotten with the pool.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>

#include "share/adopt.h"
#include "share/load.h"
#include "share/pins.h"
#include "snapshot/directory.h"
#include "snapshot/header.h"
#include "snapshot/snapshot.h"
#include "ubmem/alloc.h"
#include "ubmem/layout.h"
#include "ubmem/super.h"
#include "ubmem/ubmem.h"

static int adopt_snapshot(struct ubmem *ub, u64 off, u64 slot)
{
	struct rmfork_snapshot *snap;
	const char *fault;
	int ret;

	if (!ubmem_off_ok(ub, off))
		return ubmem_damaged(off, "a header in a wrong place");
	snap = rmfork_snapshot_new(ub, off, slot);
	if (!snap)
		return -ENOMEM;
	ubmem_read(ub, off, &snap->header, sizeof(snap->header));
	if (rmfork_header_retracted(snap)) {
		/* Our predecessor was freeing it when it ended: ubmem_dir_tidy() goes on. */
		rmfork_snapshot_forget(snap);
		return 0;
	}
	__set_bit(slot, ub->snapshots->directory.taken);
	fault = rmfork_header_fault(snap);
	if (!ubmem_claim_off(ub, off, UBMEM_META))
		fault = "a header in a wrong place";
	ret = fault ? ubmem_damaged(off, fault) : rmfork_adopt_index(snap);
	if (ret)
		rmfork_snapshot_forget(snap);
	else
		rmfork_snapshot_list(snap);
	return ret;
}

static int adopt_slots(struct ubmem *ub, const struct rmfork_dir_block *dir, u64 which)
{
	u64 i, slot;
	int ret;

	for (i = 0; i < RMFORK_DIR_SLOTS; i++) {
		if (!dir->slots[i])
			continue;
		slot = which * RMFORK_DIR_SLOTS + i;
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
		if (!ubmem_claim_off(ub, off, UBMEM_SYSTEM)) {
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
 * ubmem_may_adopt - whether what lies in a pool may be taken over
 * @ub:	  the pool; nothing is changed
 * @user: who has it in use, by its own word
 * @take: also if that is another machine
 *
 * Return: 0, also if nothing lies there; -EBADMSG, said why, if it is something else or the superblocks are damaged;
 * -EBUSY, said so.
 */
int ubmem_may_adopt(struct ubmem *ub, u64 user, bool take)
{
	struct rmfork_super super;
	int ret = ubmem_blank(ub) ? 0 : ubmem_adopt_super(ub, &super);

	if (!ret && ub->backing->remote && user && !take) {
		pr_err("another machine uses ubmem: ubmem_attach=1 uses it as a guest, and ubmem_take=1 takes it over if that machine went down\n");
		ret = -EBUSY;
	}
	return ret;
}

/**
 * ubmem_adopt - take over what lies in a pool
 * @ub: the pool; it says that we have it in use, and nobody else knows it. All pages but those of the superblocks are
 *	free
 *
 * Return: 0; -ENOENT if the pool is blank, or was not made to the end; -EBADMSG, said why, if it holds something else
 * or is damaged; -ENOMEM, -EINTR. After a failure the caller forgets the pool.
 */
int ubmem_adopt(struct ubmem *ub)
{
	struct rmfork_super super;
	int ret;

	if (ubmem_blank(ub))
		return -ENOENT;
	ret = ubmem_adopt_super(ub, &super);
	if (ret)
		return ret;
	memcpy(ub->uuid, super.uuid, sizeof(ub->uuid));
	ub->directory = super.dir_off >> PAGE_SHIFT;
	ret = ubmem_guests_adopt(ub, super.guests_off);
	if (!ret)
		ret = adopt_directory(ub, super.dir_off);
	if (!ret)
		ret = ubmem_pins_adopt(ub);
	if (ret)
		return ret;
	ubmem_dir_tidy(ub);
	/* The one that was not written last, which may be half written. */
	return ubmem_write_super(ub);
}
