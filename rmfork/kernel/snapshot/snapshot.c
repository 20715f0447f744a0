// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a snapshot.
 */
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>

#include "snapshot/directory.h"
#include "snapshot/header.h"
#include "snapshot/index.h"
#include "snapshot/snapshot.h"
#include "ubmem/alloc.h"
#include "ubmem/layout.h"
#include "ubmem/super.h"
#include "ubmem/ubmem.h"

static void snapshot_release(struct kref *ref)
{
	struct rmfork_snapshot *snap = container_of(ref, struct rmfork_snapshot, ref);

	bool pins = snap->pins;

	if (snap->slot != RMFORK_NO_SLOT) {
		mutex_lock(&snap->ub->lock);
		ubmem_dir_strike(snap);
		mutex_unlock(&snap->ub->lock);
	}
	rmfork_index_release(snap);
	if (snap->meta_off)
		ubmem_put_run(snap->ub, snap->meta_off >> PAGE_SHIFT, 1);
	kfree(snap);
	/* Not the last pin: whoever called has one. */
	if (pins)
		module_put(THIS_MODULE);
}

/**
 * rmfork_snapshot_put - drop a reference; with the last one the pages go
 * @snap: the snapshot
 *
 * Context: may take ub->lock; the caller has the module pinned.
 */
void rmfork_snapshot_put(struct rmfork_snapshot *snap)
{
	kref_put(&snap->ref, snapshot_release);
}

/**
 * rmfork_snapshot_new - what this kernel knows of a snapshot, to begin with
 * @ub:	      the pool
 * @meta_off: where its header lies, a page in use by it, or 0
 * @slot:     in the directory, or RMFORK_NO_SLOT
 *
 * The caller owns the one reference.
 *
 * Return: the snapshot, or NULL without memory.
 */
struct rmfork_snapshot *rmfork_snapshot_new(struct ubmem *ub, u64 meta_off, u64 slot)
{
	struct rmfork_snapshot *snap = kzalloc(sizeof(*snap), GFP_KERNEL);

	if (!snap)
		return NULL;
	snap->ub = ub;
	snap->meta_off = meta_off;
	snap->slot = slot;
	kref_init(&snap->ref);
	INIT_LIST_HEAD(&snap->node);
	INIT_LIST_HEAD(&snap->owned);
	return snap;
}

/**
 * rmfork_snapshot_forget - free what this kernel knows of a snapshot, not what lies in ubmem
 * @snap: the pool is being given up, or the snapshot was never good
 */
void rmfork_snapshot_forget(struct rmfork_snapshot *snap)
{
	list_del(&snap->node);
	kvfree(snap->index.ranges);
	kvfree(snap->index.blocks);
	kvfree(snap->index.sum_blocks);
	kfree(snap);
}

/**
 * rmfork_snapshot_forget_all - forget all snapshots of a list
 * @snapshots: by rmfork_snapshot.node; the pool is being given up
 */
void rmfork_snapshot_forget_all(struct list_head *snapshots)
{
	struct rmfork_snapshot *snap, *next;

	list_for_each_entry_safe(snap, next, snapshots, node)
		rmfork_snapshot_forget(snap);
}

/**
 * rmfork_snapshots_init - prepare a pool for snapshots
 * @ub:	   the pool; nobody else knows it
 * @calls: of the room above
 *
 * Return: 0 or -ENOMEM.
 */
int rmfork_snapshots_init(struct ubmem *ub, const struct rmfork_snapshot_calls *calls)
{
	ub->snapshots = kzalloc(sizeof(*ub->snapshots), GFP_KERNEL);
	if (!ub->snapshots)
		return -ENOMEM;
	ub->snapshots->calls = calls;
	INIT_LIST_HEAD(&ub->snapshots->list);
	return 0;
}

/**
 * rmfork_snapshots_destroy - undo rmfork_snapshots_init(), without a word to the pool
 * @ub: the pool; nobody uses a snapshot any more
 */
void rmfork_snapshots_destroy(struct ubmem *ub)
{
	rmfork_snapshot_forget_all(&ub->snapshots->list);
	ubmem_dir_forget(ub);
	kfree(ub->snapshots);
	ub->snapshots = NULL;
}

static int take_header(struct rmfork_snapshot *snap)
{
	u64 nr, got;
	int ret;

	ret = ubmem_alloc_run(snap->ub, UBMEM_META, 1, &nr, &got);
	if (ret)
		return ret;
	snap->meta_off = nr << PAGE_SHIFT;
	ubmem_clear(snap->ub, nr);
	return 0;
}

/**
 * rmfork_snapshot_begin - a new snapshot, empty and not visible
 * @ub:	 the pool
 * @pid: the task's, for people
 *
 * The caller owns the one reference, and gives it away by rmfork_snapshot_publish() or drops it.
 *
 * Return: the snapshot or an ERR_PTR of -ENOMEM, -ENOSPC or -ESTALE.
 */
struct rmfork_snapshot *rmfork_snapshot_begin(struct ubmem *ub, u32 pid)
{
	struct rmfork_snapshot *snap = rmfork_snapshot_new(ub, 0, RMFORK_NO_SLOT);
	int ret;

	ub->calls->release(ub);
	if (!snap)
		return ERR_PTR(-ENOMEM);
	__module_get(THIS_MODULE);
	snap->pins = true;
	ret = take_header(snap);
	/* Now, so that a commit cannot fail for want of it. */
	if (!ret)
		ret = ubmem_dir_reserve(ub, &snap->slot);
	if (ret) {
		rmfork_snapshot_put(snap);
		return ERR_PTR(ret);
	}
	snap->header.pid = pid;
	mutex_lock(&ub->lock);
	snap->header.generation = ++ub->generation;
	ret = ubmem_write_super(ub);
	mutex_unlock(&ub->lock);
	if (!ret)
		return snap;
	rmfork_snapshot_put(snap);
	return ERR_PTR(ret);
}

/* By generation: dumps that ran at the same time may end in another order. Under ub->lock. */
static void list_locked(struct rmfork_snapshot *snap)
{
	struct rmfork_snapshot *other;

	list_for_each_entry_reverse(other, &snap->ub->snapshots->list, node)
		if (other->header.generation < snap->header.generation)
			break;
	list_add(&snap->node, &other->node);
	snap->ub->snapshots->nr++;
}

/**
 * rmfork_snapshot_list - have a snapshot found, of which ubmem has everything already
 * @snap: the caller's reference becomes the list's
 */
void rmfork_snapshot_list(struct rmfork_snapshot *snap)
{
	mutex_lock(&snap->ub->lock);
	list_locked(snap);
	mutex_unlock(&snap->ub->lock);
}

/* From here on a snapshot stays until it is freed, in a kept pool without the module. Under ub->lock. */
static void keep_locked(struct rmfork_snapshot *snap)
{
	list_del_init(&snap->owned);
	ubmem_dir_enter(snap);
	/* Not the last pin: whoever called has one. */
	if (snap->ub->backing->kept && snap->pins) {
		snap->pins = false;
		module_put(THIS_MODULE);
	}
}

/**
 * rmfork_snapshot_publish - make a complete snapshot visible
 * @snap:  its index is stored; the caller's reference becomes the list's
 * @owner: the session it goes with, or NULL if it stays until freed
 *
 * Return: 0; -ESTALE: the pool is another machine's now, and the reference is still the caller's.
 */
int rmfork_snapshot_publish(struct rmfork_snapshot *snap, struct rmfork_session *owner)
{
	struct ubmem *ub = snap->ub;

	if (ubmem_lost(ub))
		return -ESTALE;
	snap->header.created_ns = ktime_get_real_ns();
	rmfork_header_publish(snap);

	mutex_lock(&ub->lock);
	list_locked(snap);
	if (owner) {
		list_add_tail(&snap->owned, &owner->snapshots);
		owner->nr++;
	} else {
		keep_locked(snap);
	}
	mutex_unlock(&ub->lock);
	return 0;
}

/* Under ub->lock. */
static struct rmfork_snapshot *find_locked(struct ubmem *ub, u64 meta_off)
{
	struct rmfork_snapshot *snap;

	list_for_each_entry(snap, &ub->snapshots->list, node)
		if (snap->meta_off == meta_off)
			return snap;
	return NULL;
}

/**
 * rmfork_snapshot_listed - the listed snapshot at an offset
 * @ub:	      the pool
 * @meta_off: the offset, from whoever
 *
 * Return: the snapshot with a reference for the caller, or NULL. In a guest: of those it has pinned.
 */
struct rmfork_snapshot *rmfork_snapshot_listed(struct ubmem *ub, u64 meta_off)
{
	struct rmfork_snapshot *snap;

	mutex_lock(&ub->lock);
	snap = find_locked(ub, meta_off);
	if (snap)
		kref_get(&snap->ref);
	mutex_unlock(&ub->lock);
	return snap;
}

/**
 * rmfork_snapshot_get - the published snapshot at an offset
 * @ub:	      the pool
 * @meta_off: the offset, from whoever
 *
 * Return: the snapshot with a reference for the caller, or an ERR_PTR: -ENOENT; in a guest also -EBADMSG, said
 * why; -ENOSPC: it can pin no more; -ESTALE: it is not attached any more; -ENOMEM or -EINTR.
 */
struct rmfork_snapshot *rmfork_snapshot_get(struct ubmem *ub, u64 meta_off)
{
	struct rmfork_snapshot *snap;

	if (ub->guest)
		return ub->snapshots->calls->get(ub, meta_off);
	snap = rmfork_snapshot_listed(ub, meta_off);
	return snap ? snap : ERR_PTR(-ENOENT);
}

/**
 * rmfork_snapshot_get_that - the published snapshot at an offset, if it is the one that is meant
 * @ub:		the pool
 * @meta_off:	the offset, from whoever
 * @generation: which one must be there; 0: any
 *
 * Return: as of rmfork_snapshot_get(); -ESTALE if it has another generation.
 */
struct rmfork_snapshot *rmfork_snapshot_get_that(struct ubmem *ub, u64 meta_off, u64 generation)
{
	struct rmfork_snapshot *snap = rmfork_snapshot_get(ub, meta_off);

	if (IS_ERR(snap) || !generation || snap->header.generation == generation)
		return snap;
	rmfork_snapshot_put(snap);
	return ERR_PTR(-ESTALE);
}

/**
 * rmfork_snapshot_next - the oldest published snapshot above a generation
 * @ub:		the pool
 * @generation: the generation, from whoever
 *
 * Return: the snapshot with a reference for the caller, or NULL.
 */
struct rmfork_snapshot *rmfork_snapshot_next(struct ubmem *ub, u64 generation)
{
	struct rmfork_snapshot *snap, *found = NULL;

	mutex_lock(&ub->lock);
	list_for_each_entry(snap, &ub->snapshots->list, node) {
		if (snap->header.generation > generation) {
			found = snap;
			kref_get(&found->ref);
			break;
		}
	}
	mutex_unlock(&ub->lock);
	return found;
}

/**
 * rmfork_snapshot_check - whether ubmem still says about a snapshot what was published
 * @snap: the caller has a reference
 *
 * Return: 0, -EBADMSG, -ENOMEM; -ENOENT: it was freed meanwhile; -ESTALE: the pool is another machine's now, which may
 * have freed it.
 */
int rmfork_snapshot_check(struct rmfork_snapshot *snap)
{
	int ret = ubmem_lost(snap->ub) ? -ESTALE : rmfork_header_check(snap);

	return ret ? ret : rmfork_index_check(snap);
}

/* Takes a snapshot off the list, if there is one; the list's reference is the caller's then. */
static void unlist_locked(struct rmfork_snapshot *snap)
{
	if (!snap)
		return;
	list_del_init(&snap->node);
	list_del_init(&snap->owned);
	/* In this order: who finds the directory naming it in between finds that it is freed. */
	rmfork_header_retract(snap);
	ubmem_dir_strike(snap);
	snap->ub->snapshots->nr--;
	snap->freed = true;
}

static void free_unlisted(struct rmfork_snapshot *snap)
{
	if (!snap->ub->snapshots->calls->keep(snap))
		rmfork_snapshot_put(snap);
}

/**
 * rmfork_free - FREE
 * @ub:		the pool
 * @meta_off:	the snapshot's offset
 * @generation: which one must be there; 0: any
 *
 * A restore that runs keeps the snapshot until it is done, and a guest that has it pinned as long as that;
 * tasks that map its pages keep those.
 *
 * Return: 0, -ENOENT or -ESTALE; this also if the pool is another machine's now.
 */
int rmfork_free(struct ubmem *ub, u64 meta_off, u64 generation)
{
	struct rmfork_snapshot *snap;
	bool stale;

	if (ubmem_lost(ub))
		return -ESTALE;
	mutex_lock(&ub->lock);
	snap = find_locked(ub, meta_off);
	stale = snap && generation && snap->header.generation != generation;
	if (!stale)
		unlist_locked(snap);
	mutex_unlock(&ub->lock);
	if (!snap)
		return -ENOENT;
	if (stale)
		return -ESTALE;
	ub->calls->release(ub);
	free_unlisted(snap);
	return 0;
}

/**
 * rmfork_commit_owned - let the snapshots of a session stay
 * @owner: the session, empty afterwards
 *
 * Context: the caller has the module pinned.
 * Return: 0, or -ESTALE if one of them was freed meanwhile, or the pool is another machine's now: then they are as
 * before.
 */
int rmfork_commit_owned(struct rmfork_session *owner)
{
	struct ubmem *ub = owner->ub;
	struct rmfork_snapshot *snap, *next;
	int ret = 0;
	u64 nr = 0;

	if (ubmem_lost(ub))
		return -ESTALE;
	mutex_lock(&ub->lock);
	list_for_each_entry(snap, &owner->snapshots, owned)
		nr++;
	if (nr == owner->nr) {
		list_for_each_entry_safe(snap, next, &owner->snapshots, owned)
			keep_locked(snap);
		owner->nr = 0;
	} else {
		ret = -ESTALE;
	}
	mutex_unlock(&ub->lock);
	return ret;
}

/**
 * rmfork_free_owned - free the snapshots of a session
 * @owner: the session, empty afterwards
 */
void rmfork_free_owned(struct rmfork_session *owner)
{
	struct ubmem *ub = owner->ub;
	struct rmfork_snapshot *snap;

	for (;;) {
		mutex_lock(&ub->lock);
		snap = list_first_entry_or_null(&owner->snapshots, struct rmfork_snapshot, owned);
		unlist_locked(snap);
		mutex_unlock(&ub->lock);
		if (!snap)
			return;
		free_unlisted(snap);
		cond_resched();
	}
}
