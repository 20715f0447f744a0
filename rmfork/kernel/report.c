// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the pool and its snapshots are: QUERY, INFO, LIST, VERIFY.
 */
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "rmfork-module.h"

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
			    RMFORK_FEAT_RESTORE_ALL | RMFORK_FEAT_ZERO_SKIP |
			    RMFORK_FEAT_MULTI_RESTORE | RMFORK_FEAT_SHARED_PAGES |
			    RMFORK_FEAT_SESSION | RMFORK_FEAT_VERIFY |
			    (IS_ENABLED(CONFIG_MMU_NOTIFIER) ? RMFORK_FEAT_LAZY : 0),
		.pool_bytes = ub->nr_pages << PAGE_SHIFT,
	};

	if (!size_ok(kargs->nr_iovs, RMFORK_QUERY_SIZE_V1))
		return -EINVAL;
	rmfork_lazy_flush();
	ubmem_reclaim(ub);
	memcpy(query.pool_uuid, ub->uuid, sizeof(query.pool_uuid));
	strscpy_pad(query.backing, ub->backing->name, sizeof(query.backing));
	mutex_lock(&ub->lock);
	query.free_bytes = ub->free_pages << PAGE_SHIFT;
	query.pending_bytes = ub->pending_pages << PAGE_SHIFT;
	query.generation = ub->generation;
	query.snapshots = ub->nr_snapshots;
	mutex_unlock(&ub->lock);
	return fill_user(kargs, &query, sizeof(query));
}

/* Counts over the pages of a snapshot: a moment's picture. */
static void count_pages(struct rmfork_snapshot *snap, u64 *shared, u64 *mapped)
{
	const struct rmfork_range *range = snap->index.ranges;
	struct ubmem *ub = snap->ub;
	u64 i, nr, end;

	*shared = *mapped = 0;
	for (i = 0; i < snap->index.nr; i++, range++) {
		nr = range->data_off >> PAGE_SHIFT;
		for (end = nr + range->nr_pages; nr < end; nr++) {
			*shared += ubmem_users(ub, nr) > 1;
			/* Once by the pool, and once in each place it is mapped. */
			*mapped += page_count(ub->backing->page(ub, nr)) > 1;
		}
		cond_resched();
	}
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
		.created_ns = header->created_ns,
		.index_checksum = header->index_checksum,
		.pid = header->pid,
		.size = sizeof(info),
	};
	u64 shared;

	count_pages(snap, &shared, &info.mapped_pages);
	info.shared_bytes = shared << PAGE_SHIFT;
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
	snap = rmfork_snapshot_next(ub, kargs->pa);
	if (!snap)
		return 0;
	*cursor = snap->header.generation;
	ret = describe(snap, kargs);
	rmfork_snapshot_put(snap);
	return ret ? ret : 1;
}

/**
 * rmfork_verify - VERIFY
 * @ub:	   the pool
 * @kargs: pa says which snapshot
 *
 * Return: 0, -ENOENT, -EBADMSG or -ENOMEM.
 */
long rmfork_verify(struct ubmem *ub, const struct rmfork_kargs *kargs)
{
	struct rmfork_snapshot *snap;
	int ret;

	snap = rmfork_snapshot_get(ub, kargs->pa);
	if (!snap)
		return -ENOENT;
	ret = ubmem_check_super(ub);
	if (!ret)
		ret = rmfork_snapshot_check(snap);
	rmfork_snapshot_put(snap);
	return ret;
}
