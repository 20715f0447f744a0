// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the pool, its snapshots and its users are: QUERY, INFO, IDENTIFY, LIST, GUESTS, FORGET.
 */
#include <linux/mm.h>
#include <linux/string.h>
#include <linux/uaccess.h>

#include "mm/lazy.h"
#include "reply.h"
#include "report.h"
#include "share/pins.h"
#include "share/sharing.h"
#include "share/walk.h"
#include "snapshot/header.h"
#include "snapshot/snapshot.h"
#include "snapshot/sums.h"
#include "ubmem/reclaim.h"
#include "ubmem/ubmem.h"
#include "ubmem/use.h"

/* What the owner knows. A guest has no room for snapshots of its own. */
static void count_pool(struct ubmem *ub, struct rmfork_query *query)
{
	mutex_lock(&ub->lock);
	query->free_bytes = ub->free_pages << PAGE_SHIFT;
	query->pending_bytes = ub->pending_pages << PAGE_SHIFT;
	query->generation = ub->generation;
	query->snapshots = ub->snapshots->nr;
	query->kept = ub->sharing->nr_detained;
	mutex_unlock(&ub->lock);
}

/*
 * What the pool tells a guest. That it tells nothing, as it is damaged or is another one by now, is for LIST to
 * say: what a guest does to its own tasks must not depend on it.
 */
static void count_in_guest(struct ubmem *ub, struct rmfork_query *query)
{
	u64 generation, snapshots = 0;

	if (rmfork_guest_count(ub, &generation, &snapshots))
		return;
	query->generation = generation;
	query->snapshots = snapshots;
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
			    RMFORK_FEAT_SESSION | RMFORK_FEAT_VERIFY | RMFORK_FEAT_GUESTS |
			    RMFORK_FEAT_FREE_GENERATION | RMFORK_FEAT_VERIFY_POOL |
			    RMFORK_FEAT_RESTORE_GENERATION | RMFORK_FEAT_IDENTIFY |
			    (READ_ONCE(ubmem_sums) ? RMFORK_FEAT_PAGE_SUMS : 0) |
			    (rmfork_lazy_possible() ? RMFORK_FEAT_LAZY : 0),
		.pool_bytes = ub->nr_pages << PAGE_SHIFT,
		.role = ub->guest ? RMFORK_ROLE_GUEST : RMFORK_ROLE_OWNER,
	};

	if (!rmfork_size_ok(kargs->nr_iovs, RMFORK_QUERY_SIZE_V1))
		return -EINVAL;
	rmfork_lazy_flush();
	ubmem_reclaim(ub);
	memcpy(query.pool_uuid, ub->uuid, sizeof(query.pool_uuid));
	strscpy_pad((char *)query.backing, ub->backing->name, sizeof(query.backing));
	memcpy(query.guest_uuid, ub->sharing->guest_uuid, sizeof(query.guest_uuid));
	query.guests = ubmem_guest_count(ub);
	if (ub->guest)
		count_in_guest(ub, &query);
	else
		count_pool(ub, &query);
	return rmfork_fill_user(kargs, &query, sizeof(query));
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

static struct rmfork_info info_of(const struct rmfork_snapshot_header *header, u64 meta_off)
{
	return (struct rmfork_info){
		.meta_off = meta_off,
		.generation = header->generation,
		.nr_pages = header->page_count,
		.nr_ranges = header->range_count,
		.stored_bytes = header->stored_pages << PAGE_SHIFT,
		.created_ns = header->created_ns,
		.index_checksum = header->index_checksum,
		.pid = header->pid,
		.size = sizeof(struct rmfork_info),
	};
}

static int describe(struct rmfork_snapshot *snap, const struct rmfork_kargs *kargs)
{
	struct rmfork_info info = info_of(&snap->header, snap->meta_off);
	u64 shared;

	if (kargs->rmfork_opt != RMFORK_OP_IDENTIFY) {
		count_pages(snap, &shared, &info.mapped_pages);
		info.shared_bytes = shared << PAGE_SHIFT;
	}
	return rmfork_fill_user(kargs, &info, sizeof(info));
}

/**
 * rmfork_info - INFO and IDENTIFY
 * @ub:	   the pool
 * @kargs: pa says which snapshot, va and nr_iovs what to fill
 *
 * Return: 0, -EINVAL, -ENOENT, -EBADMSG or -EFAULT; in a guest those of rmfork_guest_get() too.
 */
long rmfork_info(struct ubmem *ub, const struct rmfork_kargs *kargs)
{
	struct rmfork_snapshot *snap;
	int ret;

	if (!rmfork_size_ok(kargs->nr_iovs, RMFORK_INFO_SIZE_V1))
		return -EINVAL;
	snap = rmfork_snapshot_get(ub, kargs->pa);
	if (IS_ERR(snap))
		return PTR_ERR(snap);
	ret = rmfork_header_check(snap);
	if (!ret)
		ret = describe(snap, kargs);
	rmfork_snapshot_put(snap);
	return ret;
}

/* The list of a guest is the directory, and what it says of a snapshot is what its header says. */
static int list_in_guest(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 *cursor)
{
	struct rmfork_snapshot_header header;
	struct rmfork_info info;
	u64 meta_off;
	int ret;

	ret = rmfork_guest_next(ub, kargs->pa, &header, &meta_off);
	if (ret)
		return ret == -ENOENT ? 0 : ret;
	*cursor = header.generation;
	info = info_of(&header, meta_off);
	ret = rmfork_fill_user(kargs, &info, sizeof(info));
	return ret ? ret : 1;
}

/**
 * rmfork_list - LIST
 * @ub:	    the pool
 * @kargs:  pa is the cursor, va and nr_iovs say what to fill
 * @cursor: set to the next cursor if the return value is 1
 *
 * Return: 1, 0 at the end, -EINVAL or -EFAULT; in a guest also -EBADMSG, -ESTALE and -ENOMEM.
 */
long rmfork_list(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 *cursor)
{
	struct rmfork_snapshot *snap;
	int ret;

	if (!rmfork_size_ok(kargs->nr_iovs, RMFORK_INFO_SIZE_V1))
		return -EINVAL;
	if (ub->guest)
		return list_in_guest(ub, kargs, cursor);
	snap = rmfork_snapshot_next(ub, kargs->pa);
	if (!snap)
		return 0;
	*cursor = snap->header.generation;
	ret = describe(snap, kargs);
	rmfork_snapshot_put(snap);
	return ret ? ret : 1;
}

/**
 * rmfork_guests - GUESTS
 * @ub:	    the pool
 * @kargs:  pa is the cursor, va and nr_iovs say what to fill
 * @cursor: set to the next cursor if the return value is 1
 *
 * Return: 1, 0 at the end, -EINVAL or -EFAULT.
 */
long rmfork_guests(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 *cursor)
{
	struct rmfork_guest guest;
	int ret;

	if (!rmfork_size_ok(kargs->nr_iovs, RMFORK_GUEST_SIZE_V1))
		return -EINVAL;
	if (kargs->pa >= RMFORK_GUEST_SLOTS)
		return 0;
	*cursor = ubmem_guest_next(ub, kargs->pa, &guest);
	if (!*cursor)
		return 0;
	ret = rmfork_fill_user(kargs, &guest, sizeof(guest));
	return ret ? ret : 1;
}

/**
 * rmfork_forget - FORGET
 * @ub:	   the pool
 * @kargs: va and nr_iovs say where the uuid is
 *
 * Return: 0, -EINVAL, -EFAULT or -ENOENT.
 */
long rmfork_forget(struct ubmem *ub, const struct rmfork_kargs *kargs)
{
	u8 uuid[RMFORK_UUID_BYTES];

	if (kargs->nr_iovs != sizeof(uuid))
		return -EINVAL;
	if (copy_from_user(uuid, u64_to_user_ptr(kargs->va), sizeof(uuid)))
		return -EFAULT;
	return ubmem_guest_forget(ub, uuid);
}
