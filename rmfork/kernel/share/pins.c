// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of guests, as the owner of the pool sees it: which machines read the pool, and which
 * snapshots they have pinned.
 *
 * A guest that restores a snapshot maps its pages, and the owner's counts do not show it. So what is freed
 * is looked for in the table first. If a guest names it there, the snapshot is gone for everybody, but it
 * keeps its pages until no guest names it any more: it is detained.
 *
 * Guests write here what they like. All that can come of it is that a snapshot which is freed keeps its
 * pages for longer.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/atomic.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "share/load.h"
#include "share/pins.h"
#include "share/sharing.h"
#include "snapshot/snapshot.h"
#include "ubmem/alloc.h"
#include "ubmem/layout.h"
#include "ubmem/super.h"
#include "ubmem/ubmem.h"

/**
 * ubmem_guest_map - a block of the table, to look at or write to
 * @ub:	  the pool; it has a table
 * @slot: number of the block, below RMFORK_GUEST_SLOTS
 *
 * Return: the block, mapped until kunmap_local().
 */
struct rmfork_guest_block *ubmem_guest_map(const struct ubmem *ub, u32 slot)
{
	return kmap_local_page(ub->backing->page(ub, ub->guests + slot));
}

/**
 * ubmem_guests_format - make an empty table, where another machine can reach the pool
 * @ub: the pool; nobody else knows it
 *
 * Return: 0 or -ENOSPC.
 */
int ubmem_guests_format(struct ubmem *ub)
{
	u64 first, nr, i;
	int ret;

	if (!ub->backing->remote)
		return 0;
	for (i = 0; i < RMFORK_GUEST_SLOTS; i++) {
		ret = ubmem_take_system(ub, &nr);
		if (ret)
			return ret;
		ubmem_clear(ub, nr);
		/* In a row: nothing else is taken yet. */
		if (!i)
			first = nr;
	}
	ub->guests = first;
	return 0;
}

static bool table_ok(const struct ubmem *ub, u64 guests_off)
{
	return ubmem_off_ok(ub, guests_off) &&
	       guests_off >> PAGE_SHIFT <= ub->nr_pages - RMFORK_GUEST_SLOTS;
}

/**
 * ubmem_guests_any - whether a guest is attached to a pool that is there
 * @ub:		the pool; nobody else knows it
 * @guests_off: where its table is, from its superblock
 */
bool ubmem_guests_any(const struct ubmem *ub, u64 guests_off)
{
	struct rmfork_guest_block *block;
	bool found = false;
	u64 i;

	if (!table_ok(ub, guests_off))
		return false;
	for (i = 0; !found && i < RMFORK_GUEST_SLOTS; i++) {
		block = kmap_local_page(ubmem_page(ub, guests_off + (i << PAGE_SHIFT)));
		found = READ_ONCE(block->user);
		kunmap_local(block);
	}
	return found;
}

/* Reads a pin, as a guest may be writing it. */
static struct rmfork_guest_pin read_pin(const struct rmfork_guest_pin *at)
{
	struct rmfork_guest_pin pin;

	pin.meta_off = READ_ONCE(at->meta_off);
	/* In the order in which the guest writes them: with one of before it is not whole yet. */
	virt_rmb();
	pin.generation = READ_ONCE(at->generation);
	return pin;
}

static bool is_known(struct ubmem *ub, const struct rmfork_guest_pin *pin)
{
	struct rmfork_snapshot *snap;

	list_for_each_entry(snap, &ub->snapshots->list, node)
		if (snap->meta_off == pin->meta_off && snap->header.generation == pin->generation)
			return true;
	list_for_each_entry(snap, &ub->sharing->detained, node)
		if (snap->meta_off == pin->meta_off && snap->header.generation == pin->generation)
			return true;
	return false;
}

/* A pin of nothing, which the guest may have been dropping just now. */
static void note_strange(const struct rmfork_guest_pin *at, const struct rmfork_guest_pin *pin)
{
	struct rmfork_guest_pin now = read_pin(at);

	if (!memcmp(&now, pin, sizeof(now)))
		pr_warn("a guest of ubmem pins 0x%llx, where no snapshot was: not heeded\n",
			pin->meta_off);
}

/* Keeps what a guest has pinned of the snapshots that our predecessor freed. */
static int adopt_pins(struct ubmem *ub, const struct rmfork_guest_block *block)
{
	struct rmfork_snapshot *snap;
	struct rmfork_guest_pin pin;
	u32 i;

	for (i = 0; i < RMFORK_GUEST_PINS; i++) {
		pin = read_pin(&block->pins[i]);
		if (!pin.meta_off || is_known(ub, &pin))
			continue;
		snap = rmfork_adopt_freed(ub, &pin);
		if (!IS_ERR(snap))
			ubmem_detain(snap);
		else if (PTR_ERR(snap) == -ENOENT)
			note_strange(&block->pins[i], &pin);
		else
			return PTR_ERR(snap);
		cond_resched();
	}
	return 0;
}

/**
 * ubmem_guests_adopt - take over the table of guests
 * @ub:		the pool; nobody else knows it
 * @guests_off: where the table is, from the superblock; 0: there is none
 *
 * Return: 0, or -EBADMSG, said why.
 */
int ubmem_guests_adopt(struct ubmem *ub, u64 guests_off)
{
	u64 i;

	if (!guests_off)
		return 0;
	if (!table_ok(ub, guests_off))
		return ubmem_damaged(guests_off, "a table of guests in a wrong place");
	ub->guests = guests_off >> PAGE_SHIFT;
	for (i = 0; i < RMFORK_GUEST_SLOTS; i++)
		if (!ubmem_claim(ub, ub->guests + i, UBMEM_SYSTEM))
			return ubmem_damaged(guests_off, "the table of guests");
	return 0;
}

/**
 * ubmem_pins_adopt - keep what the guests have pinned of snapshots that are freed
 * @ub: the pool, with its table of guests and all snapshots of the directory; nobody else knows it
 *
 * Return: 0, -ENOMEM or -EINTR.
 */
int ubmem_pins_adopt(struct ubmem *ub)
{
	struct rmfork_guest_block *block;
	int ret = 0;
	u32 i;

	for (i = 0; ub->guests && !ret && i < RMFORK_GUEST_SLOTS; i++) {
		block = ubmem_guest_map(ub, i);
		if (READ_ONCE(block->user))
			ret = adopt_pins(ub, block);
		kunmap_local(block);
	}
	return ret;
}

static bool block_pins(const struct rmfork_guest_block *block, const struct rmfork_snapshot *snap)
{
	struct rmfork_guest_pin pin;
	u32 i;

	if (!READ_ONCE(block->user))
		return false;
	for (i = 0; i < RMFORK_GUEST_PINS; i++) {
		pin = read_pin(&block->pins[i]);
		if (pin.meta_off == snap->meta_off && pin.generation == snap->header.generation)
			return true;
	}
	return false;
}

/**
 * ubmem_pinned - whether a guest uses a snapshot
 * @ub:	  the pool
 * @snap: the snapshot, whose header is retracted: who is not in the table now does not come any more
 */
bool ubmem_pinned(struct ubmem *ub, const struct rmfork_snapshot *snap)
{
	struct rmfork_guest_block *block;
	bool pinned = false;
	u32 slot;

	if (!ub->guests)
		return false;
	/* Against rmfork_guest_get(): first the header, then the pins; there the other way round. */
	virt_mb();
	for (slot = 0; !pinned && slot < RMFORK_GUEST_SLOTS; slot++) {
		block = ubmem_guest_map(ub, slot);
		pinned = block_pins(block, snap);
		kunmap_local(block);
	}
	return pinned;
}

/**
 * ubmem_detain - keep the pages of a snapshot that is freed for the guests that use it
 * @snap: not listed any more; the caller's reference goes to us
 *
 * Context: takes ub->lock; the caller has the module pinned.
 */
void ubmem_detain(struct rmfork_snapshot *snap)
{
	struct ubmem *ub = snap->ub;

	mutex_lock(&ub->lock);
	list_add_tail(&snap->node, &ub->sharing->detained);
	ub->sharing->nr_detained++;
	/* The pins are in ubmem: whoever has the pool next finds them there. */
	if (snap->pins) {
		snap->pins = false;
		module_put(THIS_MODULE);
	}
	mutex_unlock(&ub->lock);
}

/**
 * ubmem_release_detained - free the pages of freed snapshots that guests use no more
 * @ub: the pool
 *
 * Context: takes ub->lock; the caller has the module pinned.
 */
void ubmem_release_detained(struct ubmem *ub)
{
	struct rmfork_snapshot *snap, *next;
	struct list_head gone;

	if (!READ_ONCE(ub->sharing->nr_detained))
		return;
	INIT_LIST_HEAD(&gone);
	mutex_lock(&ub->lock);
	list_for_each_entry_safe(snap, next, &ub->sharing->detained, node) {
		if (ubmem_pinned(ub, snap))
			continue;
		list_del_init(&snap->node);
		list_add_tail(&snap->node, &gone);
		ub->sharing->nr_detained--;
	}
	mutex_unlock(&ub->lock);
	list_for_each_entry_safe(snap, next, &gone, node) {
		list_del_init(&snap->node);
		rmfork_snapshot_put(snap);
		cond_resched();
	}
}

/**
 * ubmem_guest_next - describe a machine that is attached as a guest
 * @ub:	   the pool
 * @slot:  from this block on
 * @guest: filled; from the guest, so it may be anything
 *
 * Return: number of the block after that of the guest, or 0 if there is none.
 */
u32 ubmem_guest_next(struct ubmem *ub, u32 slot, struct rmfork_guest *guest)
{
	struct rmfork_guest_block *block;
	bool found = false;
	u32 i;

	for (; ub->guests && !found && slot < RMFORK_GUEST_SLOTS; slot++) {
		block = ubmem_guest_map(ub, slot);
		found = READ_ONCE(block->user);
		if (found) {
			*guest = (struct rmfork_guest){ .size = sizeof(*guest) };
			memcpy(guest->uuid, block->uuid, sizeof(guest->uuid));
			memcpy(guest->name, block->name, sizeof(guest->name));
			for (i = 0; i < RMFORK_GUEST_PINS; i++)
				guest->pins += !!READ_ONCE(block->pins[i].meta_off);
		}
		kunmap_local(block);
	}
	return found ? slot : 0;
}

/**
 * ubmem_guest_count - how many machines are attached as guests
 * @ub: the pool
 */
u32 ubmem_guest_count(struct ubmem *ub)
{
	struct rmfork_guest guest;
	u32 slot = 0, count = 0;

	while ((slot = ubmem_guest_next(ub, slot, &guest)))
		count++;
	return count;
}

/* Frees a block whose guest is gone. Under ub->lock. */
static void clear_block(struct ubmem *ub, u32 slot)
{
	struct rmfork_guest_block *block = ubmem_guest_map(ub, slot);

	memset((u8 *)block + sizeof(block->user), 0, sizeof(*block) - sizeof(block->user));
	/* The next guest finds nothing of this one. */
	virt_mb();
	WRITE_ONCE(block->user, 0);
	kunmap_local(block);
}

/**
 * ubmem_guest_forget - drop all that a guest has pinned, and its place in the table
 * @ub:	  the pool
 * @uuid: the guest's
 *
 * Return: 0; -ENOENT if no such guest is attached; -ESTALE: the pool is another machine's now.
 */
int ubmem_guest_forget(struct ubmem *ub, const u8 *uuid)
{
	struct rmfork_guest_block *block;
	int ret = -ENOENT;
	u32 slot;

	if (ubmem_lost(ub))
		return -ESTALE;
	mutex_lock(&ub->lock);
	for (slot = 0; ub->guests && ret && slot < RMFORK_GUEST_SLOTS; slot++) {
		block = ubmem_guest_map(ub, slot);
		if (READ_ONCE(block->user) && !memcmp(block->uuid, uuid, sizeof(block->uuid)))
			ret = 0;
		kunmap_local(block);
		if (!ret)
			clear_block(ub, slot);
	}
	mutex_unlock(&ub->lock);
	ubmem_release_detained(ub);
	return ret;
}
