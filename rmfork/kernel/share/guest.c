// SPDX-License-Identifier: GPL-2.0-only
/*
 * Using a pool that another machine owns, while that goes on using it.
 *
 * A guest reads, restores and maps, and writes nothing but its own block in the table of guests. For each
 * snapshot that it looks into or maps it has a pin there; as long as that stands, the owner does not
 * use the snapshot's pages for anything else, also when the snapshot is freed. Under a pin a
 * snapshot is copied and checked as adopt.c does for a whole pool: the bookkeeping of a guest, ubmem.use[]
 * included, has what it has pinned, and the rest of the pool is free to it.
 *
 * A pin is dropped when nobody looks into the snapshot and no task maps a page of it. Nothing tells
 * when that is: it is looked at after each operation, and now and then.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/atomic.h>
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/utsname.h>
#include <linux/uuid.h>

#include "share/guest.h"
#include "share/load.h"
#include "share/pins.h"
#include "share/sharing.h"
#include "share/walk.h"
#include "snapshot/header.h"
#include "snapshot/snapshot.h"
#include "ubmem/alloc.h"
#include "ubmem/layout.h"
#include "ubmem/super.h"
#include "ubmem/ubmem.h"

/* ---- pins */

/*
 * The block may be another guest's by now, if the owner was wrong to forget us. So it is looked whose
 * it is right before each change, and what changes are words that are what we take them for.
 */
static bool swap_word(struct ubmem *ub, u64 *word, u64 from, u64 to)
{
	return !rmfork_guest_attached(ub) && sync_cmpxchg(word, from, to) == from;
}

static void drop_pin(struct ubmem *ub, u32 which, u64 meta_off)
{
	struct rmfork_guest_block *block = ubmem_guest_map(ub, ub->sharing->guest_slot);

	/* Whatever we read or mapped is done with. */
	virt_mb();
	swap_word(ub, &block->pins[which].meta_off, meta_off, 0);
	kunmap_local(block);
}

/* Makes a pin that named nothing name a snapshot. */
static bool set_pin(struct rmfork_snapshot *snap, struct rmfork_guest_pin *pin, int *ret)
{
	u64 before = READ_ONCE(pin->generation);

	if (READ_ONCE(pin->meta_off) || !swap_word(snap->ub, &pin->meta_off, 0, snap->meta_off))
		return false;
	/* It is ours now, and nobody heeds it until it is whole. */
	*ret = swap_word(snap->ub, &pin->generation, before, snap->header.generation) ? 0 :
											-ESTALE;
	return true;
}

static int take_pin(struct ubmem *ub, struct rmfork_snapshot *snap)
{
	struct rmfork_guest_block *block = ubmem_guest_map(ub, ub->sharing->guest_slot);
	int ret = -ENOSPC;

	for (snap->pin = 0; snap->pin < RMFORK_GUEST_PINS; snap->pin++)
		if (set_pin(snap, &block->pins[snap->pin], &ret))
			break;
	kunmap_local(block);
	if (ret == -ESTALE)
		drop_pin(ub, snap->pin, snap->meta_off);
	/* Against ubmem_pinned(): first the pin, then the header; there the other way round. */
	virt_mb();
	return ret;
}

/* ---- snapshots */

static int is_that(u64 meta_off, void *arg)
{
	return meta_off == *(u64 *)arg;
}

/*
 * Reads the header of a snapshot that is to be pinned, and that the directory has just named. Sets what is
 * wrong with it, if anything is.
 */
static int read_published(struct rmfork_snapshot *snap, const char **fault)
{
	struct ubmem *ub = snap->ub;
	struct rmfork_super super;
	int ret;

	*fault = NULL;
	ubmem_read(ub, snap->meta_off, &snap->header, sizeof(snap->header));
	if (!snap->header.magic)
		return -ENOENT;
	/* After it the generation that its own must not exceed. */
	virt_rmb();
	ret = ubmem_adopt_super(ub, &super);
	if (ret)
		return ret;
	if (memcmp(super.uuid, ub->uuid, sizeof(ub->uuid)))
		return -ESTALE;
	ub->generation = super.generation;
	*fault = rmfork_header_fault(snap);
	return 0;
}

/*
 * Has the header of a snapshot that the directory names. The snapshot may be freed, and its page be somebody
 * else's, between the two: what is wrong is damaged only if the directory goes on naming it.
 */
static int find_published(struct rmfork_snapshot *snap)
{
	u64 meta_off = snap->meta_off;
	int ret, left = RMFORK_WALK_TRIES;
	const char *fault;

	for (;;) {
		ret = rmfork_walk(snap->ub, is_that, &meta_off);
		if (ret <= 0)
			return ret ? ret : -ENOENT;
		ret = read_published(snap, &fault);
		if (ret || !fault)
			return ret;
		if (!--left)
			return ubmem_damaged(meta_off, fault);
		usleep_range(1000, 2000);
	}
}

/* Whether a snapshot that is pinned was there when it was: then it stays. */
static int check_published(struct rmfork_snapshot *snap)
{
	struct rmfork_snapshot_header header;
	int ret = rmfork_guest_attached(snap->ub);

	if (ret)
		return ret;
	ubmem_read(snap->ub, snap->meta_off, &header, sizeof(header));
	return memcmp(&header, &snap->header, sizeof(header)) ? -ENOENT : 0;
}

/* Copies what belongs to a snapshot, under a pin. Gives both up if that fails. */
static int load_pinned(struct rmfork_snapshot *snap)
{
	u64 meta_off = snap->meta_off;
	struct ubmem *ub = snap->ub;
	u32 pin = snap->pin;
	int ret;

	ret = check_published(snap);
	if (!ret && !ubmem_claim(ub, meta_off >> PAGE_SHIFT, UBMEM_META))
		ret = ubmem_damaged(meta_off, "a header in a wrong place");
	if (ret) {
		rmfork_snapshot_forget(snap);
	} else {
		ret = rmfork_adopt_index(snap);
		if (!ret) {
			rmfork_snapshot_list(snap);
			return 0;
		}
		rmfork_snapshot_put(snap);
	}
	drop_pin(ub, pin, meta_off);
	return ret;
}

/* Has a snapshot among ours, or says why not. */
static int load(struct ubmem *ub, u64 meta_off)
{
	struct rmfork_snapshot *snap;
	int ret;

	if (!ubmem_off_ok(ub, meta_off))
		return -ENOENT;
	snap = rmfork_snapshot_new(ub, meta_off, RMFORK_NO_SLOT);
	if (!snap)
		return -ENOMEM;
	ret = find_published(snap);
	if (!ret)
		ret = take_pin(ub, snap);
	if (ret) {
		rmfork_snapshot_forget(snap);
		return ret;
	}
	return load_pinned(snap);
}

/**
 * rmfork_guest_get - a snapshot of the owner's, pinned and checked
 * @ub:	      the pool
 * @meta_off: its offset, from whoever
 *
 * Return: the snapshot with a reference for the caller, or an ERR_PTR: -ENOENT; -EBADMSG, said why;
 * -ENOSPC: no pin is left; -ESTALE: we are not attached any more; -ENOMEM or -EINTR.
 */
struct rmfork_snapshot *rmfork_guest_get(struct ubmem *ub, u64 meta_off)
{
	struct rmfork_snapshot *snap;
	int ret;

	/* Also for what is known: it is pinned no more if we were forgotten. */
	ret = rmfork_guest_attached(ub);
	if (ret)
		return ERR_PTR(ret);
	mutex_lock(&ub->sharing->loading);
	snap = rmfork_snapshot_listed(ub, meta_off);
	if (!snap) {
		ret = load(ub, meta_off);
		if (!ret)
			snap = rmfork_snapshot_listed(ub, meta_off);
	} else if (rmfork_snapshot_freed(snap)) {
		/* Kept for the tasks that map it, but nobody gets it any more. */
		rmfork_snapshot_put(snap);
		ret = -ENOENT;
	}
	mutex_unlock(&ub->sharing->loading);
	return ret ? ERR_PTR(ret) : snap;
}

static bool is_mapped(const struct rmfork_snapshot *snap)
{
	const struct rmfork_range *range = snap->index.ranges;
	u64 i, nr, end;

	for (i = 0; i < snap->index.nr; i++, range++) {
		nr = range->data_off >> PAGE_SHIFT;
		for (end = nr + range->nr_pages; nr < end; nr++)
			if (page_count(snap->ub->backing->page(snap->ub, nr)) > 1)
				return true;
		cond_resched();
	}
	return false;
}

/**
 * rmfork_guest_tidy - give up the snapshots that nobody uses here any more
 * @ub: the pool
 *
 * Context: takes ub->sharing->loading and ub->lock; the caller has the module pinned.
 */
void rmfork_guest_tidy(struct ubmem *ub)
{
	struct rmfork_snapshot *snap, *next;
	struct list_head unused;
	u64 meta_off;
	u32 pin;

	INIT_LIST_HEAD(&unused);
	mutex_lock(&ub->sharing->loading);
	mutex_lock(&ub->lock);
	list_for_each_entry_safe(snap, next, &ub->snapshots->list, node) {
		/* References and mappings come only from those there are, and from here. */
		if (kref_read(&snap->ref) > 1 || is_mapped(snap))
			continue;
		list_del_init(&snap->node);
		list_add_tail(&snap->node, &unused);
		ub->snapshots->nr--;
	}
	mutex_unlock(&ub->lock);
	list_for_each_entry_safe(snap, next, &unused, node) {
		list_del_init(&snap->node);
		pin = snap->pin;
		meta_off = snap->meta_off;
		rmfork_snapshot_put(snap);
		drop_pin(ub, pin, meta_off);
	}
	mutex_unlock(&ub->sharing->loading);
}

/* ---- coming and going */

static int take_slot(struct ubmem *ub)
{
	struct rmfork_guest_block *block;
	bool ours = false;
	u32 slot;

	for (slot = 0; slot < RMFORK_GUEST_SLOTS; slot++) {
		block = ubmem_guest_map(ub, slot);
		ours = !sync_cmpxchg(&block->user, 0, ub->user);
		if (ours) {
			/* Nothing of the guest before. */
			memset(block->pins, 0, sizeof(block->pins));
			memcpy(block->uuid, ub->sharing->guest_uuid, sizeof(block->uuid));
			strscpy_pad((char *)block->name, init_utsname()->nodename,
				    sizeof(block->name));
		}
		kunmap_local(block);
		if (ours) {
			ub->sharing->guest_slot = slot;
			return 0;
		}
	}
	pr_err("ubmem has %u guests already: forget those on its owner that are gone\n",
	       RMFORK_GUEST_SLOTS);
	return -EBUSY;
}

/**
 * ubmem_attach - become a guest in a pool
 * @ub: the pool; nobody else knows it, and all pages but the first are free
 *
 * Return: 0; -ENOENT, -EBADMSG or -EBUSY, said why.
 */
int ubmem_attach(struct ubmem *ub)
{
	struct rmfork_super super;
	int ret;

	if (ubmem_blank(ub)) {
		pr_err("there is no pool in ubmem: its owner makes it, without ubmem_attach\n");
		return -ENOENT;
	}
	ret = ubmem_adopt_super(ub, &super);
	if (ret)
		return ret;
	if (!super.guests_off) {
		pr_err("the pool in ubmem was made without a table of guests\n");
		return -ENOENT;
	}
	memcpy(ub->uuid, super.uuid, sizeof(ub->uuid));
	ret = ubmem_guests_adopt(ub, super.guests_off);
	if (ret)
		return ret;
	generate_random_uuid(ub->sharing->guest_uuid);
	return take_slot(ub);
}

/**
 * ubmem_detach - be a guest no more
 * @ub: a pool of which no page is in use by a task
 */
void ubmem_detach(struct ubmem *ub)
{
	struct rmfork_guest_block *block = ubmem_guest_map(ub, ub->sharing->guest_slot);
	u64 uuid[RMFORK_UUID_BYTES / sizeof(u64)];
	u32 i;

	rmfork_guest_tidy(ub);
	WARN_ON(ub->snapshots->nr);
	/* So that nobody is taken for us in our place. */
	memcpy(uuid, ub->sharing->guest_uuid, sizeof(uuid));
	for (i = 0; i < ARRAY_SIZE(uuid); i++)
		swap_word(ub, (u64 *)block->uuid + i, uuid[i], 0);
	/* The name is gone before the place is free. */
	virt_mb();
	swap_word(ub, &block->user, ub->user, 0);
	kunmap_local(block);
}
