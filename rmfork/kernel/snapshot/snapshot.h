/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The life of a snapshot.
 */
#ifndef RMFORK_SNAPSHOT_SNAPSHOT_H
#define RMFORK_SNAPSHOT_SNAPSHOT_H

#include <linux/err.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/types.h>
#include <rmfork/uapi.h>

#include "snapshot/directory.h"
#include "snapshot/index.h"

struct rmfork_session;
struct rmfork_snapshot;
struct ubmem;

/**
 * struct rmfork_snapshot_calls - what is asked of the room above, which knows other machines
 * @get:  in a guest: the owner's snapshot at an offset, as rmfork_snapshot_get()
 * @keep: a snapshot was freed, and its header retracted: if other machines use it, takes the caller's
 *	  reference over for as long as that, and says so
 *
 * Both take ub->lock; the caller has the module pinned.
 */
struct rmfork_snapshot_calls {
	struct rmfork_snapshot *(*get)(struct ubmem *ub, u64 meta_off);
	bool (*keep)(struct rmfork_snapshot *snap);
};

/**
 * struct rmfork_snapshots - those of a pool
 * @calls:     of the room above; never changes
 * @list:      published ones, oldest first; in a guest those it has pinned. Under ub->lock
 * @nr:	       their number, likewise
 * @directory: likewise
 */
struct rmfork_snapshots {
	const struct rmfork_snapshot_calls *calls;
	struct list_head list;
	u64 nr;
	struct rmfork_directory directory;
};

/**
 * struct rmfork_snapshot - one saved task
 * @ub:	      the pool
 * @ref:      one for the list while it is published, one per user
 * @node:     in rmfork_snapshots.list or, freed but pinned by a guest, in rmfork_sharing.detained; under ub->lock
 * @owned:    in rmfork_session.snapshots, under ubmem.lock; empty: it stays until freed
 * @meta_off: where its header lies; 0: nowhere yet
 * @slot:     in the directory, or RMFORK_NO_SLOT
 * @freed:    nobody finds it any more, under ubmem.lock; in a guest the header in ubmem says so
 * @pins:     it has the module pinned
 * @pin:      in a guest: which of our pins it has
 * @header:   what it says about itself; complete once published
 * @index:    where its pages lie; complete once published
 */
struct rmfork_snapshot {
	struct ubmem *ub;
	struct kref ref;
	struct list_head node;
	struct list_head owned;
	u64 meta_off;
	u64 slot;
	bool freed;
	bool pins;
	u32 pin;
	struct rmfork_snapshot_header header;
	struct rmfork_index index;
};

#define RMFORK_NO_SLOT (~0ULL)

/**
 * struct rmfork_session - what owns snapshots until they are committed
 * @ub:	       the pool
 * @snapshots: by rmfork_snapshot.owned, under ubmem.lock
 * @nr:	       how many there are unless one was freed meanwhile, under ubmem.lock
 */
struct rmfork_session {
	struct ubmem *ub;
	struct list_head snapshots;
	u64 nr;
};

int rmfork_snapshots_init(struct ubmem *ub, const struct rmfork_snapshot_calls *calls);
void rmfork_snapshots_destroy(struct ubmem *ub);
struct rmfork_snapshot *rmfork_snapshot_new(struct ubmem *ub, u64 meta_off, u64 slot);
void rmfork_snapshot_list(struct rmfork_snapshot *snap);
void rmfork_snapshot_forget(struct rmfork_snapshot *snap);
void rmfork_snapshot_forget_all(struct list_head *snapshots);
struct rmfork_snapshot *rmfork_snapshot_begin(struct ubmem *ub, u32 pid);
int rmfork_snapshot_publish(struct rmfork_snapshot *snap, struct rmfork_session *owner);
struct rmfork_snapshot *rmfork_snapshot_listed(struct ubmem *ub, u64 meta_off);
struct rmfork_snapshot *rmfork_snapshot_get(struct ubmem *ub, u64 meta_off);
struct rmfork_snapshot *rmfork_snapshot_get_that(struct ubmem *ub, u64 meta_off, u64 generation);
struct rmfork_snapshot *rmfork_snapshot_next(struct ubmem *ub, u64 generation);
void rmfork_snapshot_put(struct rmfork_snapshot *snap);
int rmfork_snapshot_check(struct rmfork_snapshot *snap);
int rmfork_free(struct ubmem *ub, u64 meta_off, u64 generation);
int rmfork_commit_owned(struct rmfork_session *owner);
void rmfork_free_owned(struct rmfork_session *owner);

#endif /* RMFORK_SNAPSHOT_SNAPSHOT_H */
