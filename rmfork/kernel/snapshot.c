// SPDX-License-Identifier: GPL-2.0-only
/*
 * The life of a snapshot, and the operations about snapshots rather than tasks.
 */
#include <linux/highmem.h>
#include <linux/ktime.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/uaccess.h>

#include "rmfork-module.h"

static void snapshot_release(struct kref *ref)
{
	struct rmfork_snapshot *snap = container_of(ref, struct rmfork_snapshot, ref);

	ubmem_release(snap);
	ida_free(&snap->ub->ids, snap->id);
	kfree(snap);
	/* Not the last pin: whoever called has one. */
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

static struct rmfork_snapshot *snapshot_new(struct ubmem *ub)
{
	struct rmfork_snapshot *snap;
	int id;

	snap = kzalloc(sizeof(*snap), GFP_KERNEL);
	if (!snap)
		return ERR_PTR(-ENOMEM);
	id = ida_alloc_range(&ub->ids, UBMEM_FIRST_ID, INT_MAX, GFP_KERNEL);
	if (id < 0) {
		kfree(snap);
		return ERR_PTR(id);
	}
	snap->ub = ub;
	snap->id = id;
	snap->low = ub->nr_pages;
	kref_init(&snap->ref);
	INIT_LIST_HEAD(&snap->node);
	__module_get(THIS_MODULE);
	return snap;
}

/**
 * rmfork_snapshot_begin - a new snapshot, empty and not visible
 * @ub:	 the pool
 * @pid: the task's, for people
 *
 * The caller owns the one reference, and gives it away by rmfork_snapshot_publish() or drops it.
 *
 * Return: the snapshot or an ERR_PTR of -ENOMEM or -ENOSPC.
 */
struct rmfork_snapshot *rmfork_snapshot_begin(struct ubmem *ub, u32 pid)
{
	struct rmfork_snapshot *snap = snapshot_new(ub);
	u64 nr, got;
	int ret;

	if (IS_ERR(snap))
		return snap;
	ret = ubmem_alloc_run(snap, 1, &nr, &got);
	if (ret) {
		rmfork_snapshot_put(snap);
		return ERR_PTR(ret);
	}
	snap->meta_off = nr << PAGE_SHIFT;
	clear_highpage(ubmem_page(ub, snap->meta_off));
	snap->header.pid = pid;
	mutex_lock(&ub->lock);
	snap->header.generation = ++ub->generation;
	mutex_unlock(&ub->lock);
	return snap;
}

/**
 * rmfork_snapshot_publish - make a complete snapshot visible
 * @snap: its index is finished; the caller's reference becomes the list's
 */
void rmfork_snapshot_publish(struct rmfork_snapshot *snap)
{
	struct ubmem *ub = snap->ub;
	struct rmfork_snapshot *other;

	snap->header.created_ns = ktime_get_real_ns();
	rmfork_header_publish(snap);

	mutex_lock(&ub->lock);
	/* By generation: dumps that ran at the same time may end in another order. */
	list_for_each_entry_reverse(other, &ub->snapshots, node)
		if (other->header.generation < snap->header.generation)
			break;
	list_add(&snap->node, &other->node);
	ub->nr_snapshots++;
	ubmem_write_super(ub);
	mutex_unlock(&ub->lock);
}

/* Under ub->lock. */
static struct rmfork_snapshot *find_locked(struct ubmem *ub, u64 meta_off)
{
	struct rmfork_snapshot *snap;

	list_for_each_entry(snap, &ub->snapshots, node)
		if (snap->meta_off == meta_off)
			return snap;
	return NULL;
}

/**
 * rmfork_snapshot_get - the published snapshot at an offset
 * @ub:	      the pool
 * @meta_off: the offset, from whoever
 *
 * Return: the snapshot with a reference for the caller, or NULL.
 */
struct rmfork_snapshot *rmfork_snapshot_get(struct ubmem *ub, u64 meta_off)
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
 * rmfork_free - FREE
 * @ub:	      the pool
 * @meta_off: the snapshot's offset
 *
 * A restore that runs keeps the snapshot until it is done; tasks that map its pages keep those.
 *
 * Return: 0 or -ENOENT.
 */
int rmfork_free(struct ubmem *ub, u64 meta_off)
{
	struct rmfork_snapshot *snap;

	mutex_lock(&ub->lock);
	snap = find_locked(ub, meta_off);
	if (snap) {
		list_del_init(&snap->node);
		ub->nr_snapshots--;
	}
	mutex_unlock(&ub->lock);
	if (!snap)
		return -ENOENT;
	rmfork_header_retract(snap);
	rmfork_snapshot_put(snap);
	return 0;
}

/* A caller of another version has a shorter or longer structure; later ones only append. */
static bool size_ok(u64 size, size_t least)
{
	return size >= least && size <= PAGE_SIZE;
}

static int fill_user(const struct rmfork_kargs *kargs, const void *from, size_t known)
{
	void __user *to = u64_to_user_ptr(kargs->va);
	size_t n = min_t(u64, kargs->nr_iovs, known);

	if (copy_to_user(to, from, n) || clear_user(to + n, kargs->nr_iovs - n))
		return -EFAULT;
	return 0;
}

/**
 * rmfork_query - QUERY
 * @ub:	   the pool
 * @kargs: va and nr_iovs say what to fill
 *
 * Return: 0, -EINVAL or -EFAULT.
 */
long rmfork_query(struct ubmem *ub, const struct rmfork_kargs *kargs)
{
	struct rmfork_query query = {
		.abi_version = RMFORK_ABI_VERSION,
		.size = sizeof(query),
		.features = RMFORK_FEAT_FREE | RMFORK_FEAT_INFO | RMFORK_FEAT_LIST |
			    RMFORK_FEAT_ZERO_SKIP | RMFORK_FEAT_MULTI_RESTORE,
		.pool_bytes = ub->nr_pages << PAGE_SHIFT,
	};

	if (!size_ok(kargs->nr_iovs, RMFORK_QUERY_SIZE_V1))
		return -EINVAL;
	ubmem_reclaim(ub);
	memcpy(query.pool_uuid, ub->uuid, sizeof(query.pool_uuid));
	mutex_lock(&ub->lock);
	query.free_bytes = ub->free_pages << PAGE_SHIFT;
	query.pending_bytes = ub->pending_pages << PAGE_SHIFT;
	query.generation = ub->generation;
	query.snapshots = ub->nr_snapshots;
	mutex_unlock(&ub->lock);
	return fill_user(kargs, &query, sizeof(query));
}

static int describe(struct rmfork_snapshot *snap, const struct rmfork_kargs *kargs)
{
	const struct rmfork_snapshot_header *header = &snap->header;
	struct rmfork_info info = {
		.meta_off = snap->meta_off,
		.generation = header->generation,
		.nr_pages = header->page_count,
		.nr_ranges = header->range_count,
		.stored_bytes = header->stored_pages << PAGE_SHIFT,
		.mapped_pages = ubmem_pages_in_use(snap),
		.created_ns = header->created_ns,
		.index_checksum = header->index_checksum,
		.pid = header->pid,
		.size = sizeof(info),
	};

	return fill_user(kargs, &info, sizeof(info));
}

/**
 * rmfork_info - INFO
 * @ub:	   the pool
 * @kargs: pa says which snapshot, va and nr_iovs what to fill
 *
 * Return: 0, -EINVAL, -ENOENT, -EBADMSG or -EFAULT.
 */
long rmfork_info(struct ubmem *ub, const struct rmfork_kargs *kargs)
{
	struct rmfork_snapshot *snap;
	int ret;

	if (!size_ok(kargs->nr_iovs, RMFORK_INFO_SIZE_V1))
		return -EINVAL;
	snap = rmfork_snapshot_get(ub, kargs->pa);
	if (!snap)
		return -ENOENT;
	ret = rmfork_header_check(snap);
	if (!ret)
		ret = describe(snap, kargs);
	rmfork_snapshot_put(snap);
	return ret;
}

/* The oldest snapshot above a generation, with a reference, or NULL. */
static struct rmfork_snapshot *next_snapshot(struct ubmem *ub, u64 generation)
{
	struct rmfork_snapshot *snap, *found = NULL;

	mutex_lock(&ub->lock);
	list_for_each_entry(snap, &ub->snapshots, node) {
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
 * rmfork_list - LIST
 * @ub:	    the pool
 * @kargs:  pa is the cursor, va and nr_iovs say what to fill
 * @cursor: set to the next cursor if the return value is 1
 *
 * Return: 1, 0 at the end, -EINVAL or -EFAULT.
 */
long rmfork_list(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 *cursor)
{
	struct rmfork_snapshot *snap;
	int ret;

	if (!size_ok(kargs->nr_iovs, RMFORK_INFO_SIZE_V1))
		return -EINVAL;
	snap = next_snapshot(ub, kargs->pa);
	if (!snap)
		return 0;
	*cursor = snap->header.generation;
	ret = describe(snap, kargs);
	rmfork_snapshot_put(snap);
	return ret ? ret : 1;
}
