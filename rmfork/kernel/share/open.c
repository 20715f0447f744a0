// SPDX-License-Identifier: GPL-2.0-only
/*
 * A pool from the beginning to the end: made, found or joined, and what the rooms below ask of this one.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/slab.h>
#include <linux/uuid.h>

#include "share/adopt.h"
#include "share/guest.h"
#include "share/open.h"
#include "share/pins.h"
#include "share/sharing.h"
#include "snapshot/directory.h"
#include "snapshot/snapshot.h"
#include "ubmem/alloc.h"
#include "ubmem/layout.h"
#include "ubmem/pool.h"
#include "ubmem/reclaim.h"
#include "ubmem/super.h"
#include "ubmem/ubmem.h"

static void release(struct ubmem *ub)
{
	if (ub->guest)
		rmfork_guest_tidy(ub);
	else
		ubmem_release_detained(ub);
}

/* What a guest has pinned. */
static bool watching(const struct ubmem *ub)
{
	return ub->guest && ub->snapshots->nr;
}

static const struct ubmem_calls pool_calls = {
	.release = release,
	.watching = watching,
};

static bool keep(struct rmfork_snapshot *snap)
{
	bool pinned = ubmem_pinned(snap->ub, snap);

	if (pinned)
		ubmem_detain(snap);
	return pinned;
}

static const struct rmfork_snapshot_calls snapshot_calls = {
	.get = rmfork_guest_get,
	.keep = keep,
};

static int init_sharing(struct ubmem *ub)
{
	ub->sharing = kzalloc(sizeof(*ub->sharing), GFP_KERNEL);
	if (!ub->sharing)
		return -ENOMEM;
	INIT_LIST_HEAD(&ub->sharing->detained);
	mutex_init(&ub->sharing->loading);
	return 0;
}

/* Forgets a pool, without a word to it. */
static void give_up(struct ubmem *ub)
{
	if (ub->sharing)
		rmfork_snapshot_forget_all(&ub->sharing->detained);
	kfree(ub->sharing);
	ub->sharing = NULL;
	if (ub->snapshots)
		rmfork_snapshots_destroy(ub);
	ubmem_destroy(ub);
}

static int format_pool(struct ubmem *ub)
{
	u64 nr;
	int ret;

	generate_random_uuid(ub->uuid);
	ret = ubmem_guests_format(ub);
	if (!ret)
		ret = ubmem_take_system(ub, &nr);
	if (!ret)
		ret = ubmem_dir_format(ub, nr);
	return ret ? ret : ubmem_write_super(ub);
}

/* A new pool would pull away the memory of tasks on other machines. */
static int check_unused(struct ubmem *ub)
{
	struct rmfork_super super;

	if (!ub->backing->remote || ubmem_blank(ub))
		return 0;
	ubmem_read(ub, 0, &super, sizeof(super));
	if (super.magic != RMFORK_SUPER_MAGIC)
		return 0;
	/* The owner is named at one place in all layouts; the guests are not. */
	if (!super.user && (super.layout_version != RMFORK_LAYOUT_VERSION ||
			    !ubmem_guests_any(ub, super.guests_off)))
		return 0;
	pr_err("other machines use ubmem: ubmem_format=1 with ubmem_take=1 if they are gone\n");
	return -EBUSY;
}

/* What is there already, or an empty pool. */
static int fill_pool(struct ubmem *ub, unsigned int how)
{
	int ret;

	if (ub->guest)
		return ubmem_attach(ub);
	if (ub->backing->kept && !(how & UBMEM_FORMAT)) {
		ret = ubmem_adopt(ub, how & UBMEM_TAKE);
		if (ret != -ENOENT)
			return ret;
	}
	if ((how & UBMEM_FORMAT) && !(how & UBMEM_TAKE)) {
		ret = check_unused(ub);
		if (ret)
			return ret;
	}
	return format_pool(ub);
}

/**
 * rmfork_open - make a pool, find it again, or join it
 * @ub:	 filled; backing, nr_pages (which the backing may round up) and phys are set already, the rest
 *	 is zero
 * @how: UBMEM_FORMAT and UBMEM_TAKE, or UBMEM_ATTACH
 *
 * Return: 0 or -errno, with nothing left behind.
 */
int rmfork_open(struct ubmem *ub, unsigned int how)
{
	int ret;

	ub->guest = how & UBMEM_ATTACH;
	ret = ubmem_init(ub, &pool_calls);
	if (ret)
		return ret;
	ret = rmfork_snapshots_init(ub, &snapshot_calls);
	if (!ret)
		ret = init_sharing(ub);
	if (!ret)
		ret = fill_pool(ub, how);
	if (ret)
		give_up(ub);
	else
		ub->named = ub->backing->kept && !ub->guest;
	return ret;
}

/**
 * rmfork_close - undo rmfork_open()
 * @ub: a pool of which no page is in use by a task
 *
 * A kept pool keeps its snapshots.
 */
void rmfork_close(struct ubmem *ub)
{
	ubmem_reclaim_stop(ub);
	if (ub->guest) {
		ubmem_detach(ub);
	} else if (!ubmem_lost(ub)) {
		ub->named = false;
		ub->user = 0;
		ubmem_write_super(ub);
	}
	give_up(ub);
}
