// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which page of ubmem belongs to whom.
 *
 * A page goes free -> snapshot -> (pending ->) free. It is pending when its snapshot is gone but
 * its count says that somebody still uses it: a task that maps it, or a pipe, or an I/O in
 * flight. Nobody can come to a page of no snapshot anew except through such a user, so once
 * the count is back to the pool's own one, the page is free.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/uuid.h>
#include <linux/vmalloc.h>

#include "rmfork-module.h"

/* How often pending pages are looked at when nobody asks. */
#define RECLAIM_INTERVAL HZ

/* Lets go of one page of a snapshot. Under ub->lock. Whether it had to become pending. */
static bool release_page(struct ubmem *ub, u64 nr)
{
	if (page_count(ub->backing->page(ub, nr)) > 1) {
		ub->owner[nr] = UBMEM_PENDING;
		ub->pending_pages++;
		return true;
	}
	ub->owner[nr] = UBMEM_FREE;
	ub->free_pages++;
	return false;
}

/* Frees the pending pages nobody uses any more. Under ub->lock. */
static void reclaim_locked(struct ubmem *ub)
{
	u64 nr, left = ub->pending_pages;

	if (!left)
		return;
	for (nr = 0; left && nr < ub->nr_pages; nr++) {
		if (ub->owner[nr] != UBMEM_PENDING)
			continue;
		left--;
		ub->pending_pages--;
		release_page(ub, nr);
		if (!(left % 4096))
			cond_resched();
	}
	if (!ub->pending_pages)
		module_put(THIS_MODULE);
}

static void reclaim_work(struct work_struct *work)
{
	struct ubmem *ub = container_of(to_delayed_work(work), struct ubmem, reclaim);
	bool again;

	mutex_lock(&ub->lock);
	reclaim_locked(ub);
	again = ub->pending_pages;
	mutex_unlock(&ub->lock);
	if (again)
		schedule_delayed_work(&ub->reclaim, RECLAIM_INTERVAL);
}

/**
 * ubmem_reclaim - free the pending pages that are no longer in use
 * @ub: the pool
 *
 * Context: the caller has the module pinned. Takes ub->lock.
 */
void ubmem_reclaim(struct ubmem *ub)
{
	mutex_lock(&ub->lock);
	reclaim_locked(ub);
	mutex_unlock(&ub->lock);
}

/* Takes the first free run at or after @from, below @to, of up to @want pages. Under ub->lock. */
static u64 take_run(struct rmfork_snapshot *snap, u64 from, u64 to, u64 want, u64 *first)
{
	struct ubmem *ub = snap->ub;
	u64 nr = from, end;

	while (nr < to && ub->owner[nr] != UBMEM_FREE)
		nr++;
	for (end = nr; end < to && end - nr < want && ub->owner[end] == UBMEM_FREE; end++)
		ub->owner[end] = snap->id;
	if (end == nr)
		return 0;
	*first = nr;
	ub->free_pages -= end - nr;
	ub->hint = end;
	snap->low = min(snap->low, nr);
	snap->high = max(snap->high, end);
	snap->header.stored_pages += end - nr;
	return end - nr;
}

/**
 * ubmem_alloc_run - give a snapshot some pages in a row
 * @snap:  which, not published yet
 * @want:  at most so many
 * @first: set to the number of the first
 * @got:   set to how many there are, at least one
 *
 * Context: takes ub->lock; the mmap lock of the dumped task may be held.
 * Return: 0, or -ENOSPC if there is no free page.
 */
int ubmem_alloc_run(struct rmfork_snapshot *snap, u64 want, u64 *first, u64 *got)
{
	struct ubmem *ub = snap->ub;

	mutex_lock(&ub->lock);
	if (!ub->free_pages)
		reclaim_locked(ub);
	*got = take_run(snap, ub->hint, ub->nr_pages, want, first);
	if (!*got)
		*got = take_run(snap, 0, ub->hint, want, first);
	mutex_unlock(&ub->lock);
	return *got ? 0 : -ENOSPC;
}

/**
 * ubmem_release - take back every page of a snapshot nobody can reach any more
 * @snap: its last reference is being dropped
 *
 * Context: takes ub->lock. The module is pinned by @snap.
 */
void ubmem_release(struct rmfork_snapshot *snap)
{
	struct ubmem *ub = snap->ub;
	bool had_pending, pending = false;
	u64 nr;

	mutex_lock(&ub->lock);
	had_pending = ub->pending_pages;
	for (nr = snap->low; nr < snap->high; nr++) {
		if (ub->owner[nr] == snap->id)
			pending |= release_page(ub, nr);
		if (!(nr % 4096))
			cond_resched();
	}
	if (pending && !had_pending) {
		__module_get(THIS_MODULE);
		schedule_delayed_work(&ub->reclaim, RECLAIM_INTERVAL);
	}
	mutex_unlock(&ub->lock);
}

/**
 * ubmem_pages_in_use - how many pages of a snapshot somebody else holds
 * @snap: the caller has a reference
 *
 * Return: pages; a moment's picture.
 */
u64 ubmem_pages_in_use(struct rmfork_snapshot *snap)
{
	struct ubmem *ub = snap->ub;
	u64 nr, in_use = 0;

	for (nr = snap->low; nr < snap->high; nr++) {
		if (READ_ONCE(ub->owner[nr]) == snap->id)
			in_use += page_count(ub->backing->page(ub, nr)) > 1;
		if (!(nr % 4096))
			cond_resched();
	}
	return in_use;
}

/**
 * ubmem_init - make an empty pool
 * @ub:	      filled
 * @backing:  where its pages come from
 * @nr_pages: its size; the backing may round it up
 *
 * Return: 0 or -errno, with nothing left behind.
 */
int ubmem_init(struct ubmem *ub, const struct ubmem_backing *backing, u64 nr_pages)
{
	int ret;

	memset(ub, 0, sizeof(*ub));
	ub->backing = backing;
	ub->nr_pages = nr_pages;
	mutex_init(&ub->lock);
	ida_init(&ub->ids);
	INIT_LIST_HEAD(&ub->snapshots);
	INIT_DELAYED_WORK(&ub->reclaim, reclaim_work);
	generate_random_uuid(ub->uuid);

	ret = backing->create(ub);
	if (ret)
		return ret;
	ub->owner = vcalloc(ub->nr_pages, sizeof(*ub->owner));
	if (!ub->owner) {
		backing->destroy(ub);
		return -ENOMEM;
	}
	ub->owner[0] = UBMEM_SYSTEM;
	ub->free_pages = ub->nr_pages - 1;
	ubmem_write_super(ub);
	return 0;
}

/**
 * ubmem_destroy - undo ubmem_init()
 * @ub: a pool without snapshots and pending pages (both pin the module)
 */
void ubmem_destroy(struct ubmem *ub)
{
	WARN_ON(ub->nr_snapshots || ub->pending_pages);
	cancel_delayed_work_sync(&ub->reclaim);
	ub->backing->destroy(ub);
	vfree(ub->owner);
	ida_destroy(&ub->ids);
}
