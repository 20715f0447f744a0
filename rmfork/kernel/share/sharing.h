/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What share/ knows of a pool.
 */
#ifndef RMFORK_SHARE_SHARING_H
#define RMFORK_SHARE_SHARING_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <rmfork/uapi.h>

/**
 * struct rmfork_sharing - the pool and other machines
 * @detained:	 snapshots that are freed but pinned by guests, by rmfork_snapshot.node; under ub->lock
 * @nr_detained: their number, under ub->lock; whether there are any may be asked without
 * @guest_slot:	 in a guest: number of our block in the table; never changes
 * @guest_uuid:	 in a guest: what we are called there; never changes
 * @loading:	 in a guest: held while a snapshot is looked up or given up. Taken before ub->lock
 */
struct rmfork_sharing {
	struct list_head detained;
	u64 nr_detained;
	u32 guest_slot;
	u8 guest_uuid[RMFORK_UUID_BYTES];
	struct mutex loading;
};

#endif /* RMFORK_SHARE_SHARING_H */
