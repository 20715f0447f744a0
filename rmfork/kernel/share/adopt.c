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

	if (!ubmem_claim_off(ub, off, UBMEM_META))
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

static int adopt_slots(struct ubmem *ub, const struct rmfork_dir_block *dir, u64 which)
{
	u64 i, slot;
	int ret;

	for (i = 0; i < RMFORK_DIR_SLOTS; i++) {
		if (!dir->slots[i])
			continue;
		slot = which * RMFORK_DIR_SLOTS + i;
		__set_bit(slot, ub->snapshots->directory.taken);
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
	ub->directory = super.dir_off >> PAGE_SHIFT;
	ret = ubmem_guests_adopt(ub, super.guests_off);
	if (!ret)
		ret = adopt_directory(ub, super.dir_off);
	if (!ret)
		ret = ubmem_pins_adopt(ub);
	return ret ? ret : ubmem_write_super(ub);
}
