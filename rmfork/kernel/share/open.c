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
	ubmem_begin_format(ub);
	ret = ubmem_guests_format(ub);
	if (!ret)
		ret = ubmem_take_system(ub, &nr);
	if (!ret)
		ret = ubmem_dir_format(ub, nr);
	if (!ret)
		ubmem_end_format(ub);
	return ret;
}

/* A new pool would pull away the memory of tasks on other machines. @user: by the word of what lies there. */
static int check_unused(struct ubmem *ub, u64 user)
{
	struct rmfork_super super;
	bool used = user;

	if (!ub->backing->remote)
		return 0;
	ubmem_read(ub, 0, &super, sizeof(super));
	if (super.magic != RMFORK_SUPER_MAGIC && !ubmem_blank(ub))
		return 0;
	/* The owner is named at one place in all layouts; the guests are not. */
	if (super.magic == RMFORK_SUPER_MAGIC && super.layout_version == RMFORK_LAYOUT_VERSION)
		used = used || ubmem_guests_any(ub, super.guests_off);
	if (!used)
		return 0;
	pr_err("other machines use ubmem: ubmem_format=1 with ubmem_take=1 if they are gone\n");
	return -EBUSY;
}

/*
 * Says in the pool that it is ours, if it may be by what lies there. First of all: who had it until now sees it, and
 * so does who comes at the same time.
 */
static int take_pool(struct ubmem *ub, unsigned int how, u64 *former)
{
	int ret = 0;

	*former = ubmem_user(ub);
	if (!(how & UBMEM_FORMAT) && ub->backing->kept)
		ret = ubmem_may_adopt(ub, *former, how & UBMEM_TAKE);
	else if (!(how & UBMEM_TAKE))
		ret = check_unused(ub, *former);
	if (ret || ubmem_swap_user(ub, *former, ub->user))
		return ret;
	pr_err("another machine has just taken ubmem\n");
	return -EBUSY;
}

/* What is there already, or an empty pool. */
static int fill_pool(struct ubmem *ub, unsigned int how)
{
	u64 former;
	int ret;

	if (ub->guest)
		return ubmem_attach(ub);
	ret = take_pool(ub, how, &former);
	if (ret)
		return ret;
	ret = -ENOENT;
	if (ub->backing->kept && !(how & UBMEM_FORMAT))
		ret = ubmem_adopt(ub);
	if (ret == -ENOENT)
		ret = format_pool(ub);
	if (ret)
		ubmem_swap_user(ub, ub->user, former);
	return ret;
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
		ubmem_swap_user(ub, ub->user, 0);
	}
	give_up(ub);
}
