// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that tasks still have: pending ones, which are free once nobody uses them any more, and those of a kept
 * pool, which keep the module. Nothing tells when a task is done with a page, so it is looked at now and then.
 */
#include <linux/mm.h>
#include <linux/module.h>

#include "ubmem/reclaim.h"
#include "ubmem/ubmem.h"
#include "ubmem/use.h"

/* How often pending pages are looked at when nobody asks. */
#define RECLAIM_INTERVAL HZ

/**
 * ubmem_pin_pending - keep the module pinned as long as there are pending pages
 * @ub:		 the pool
 * @had_pending: whether there were any before
 *
 * Context: under ub->lock.
 */
void ubmem_pin_pending(struct ubmem *ub, bool had_pending)
{
	if (had_pending == !!ub->pending_pages)
		return;
	if (had_pending) {
		module_put(THIS_MODULE);
		return;
	}
	__module_get(THIS_MODULE);
	schedule_delayed_work(&ub->reclaim, RECLAIM_INTERVAL);
}

/**
 * ubmem_reclaim_pending - free the pending pages nobody uses any more
 * @ub: the pool
 *
 * Context: under ub->lock.
 */
void ubmem_reclaim_pending(struct ubmem *ub)
{
	u64 nr = ub->pending_from, left = ub->pending_pages;

	if (!left)
		return;
	/* Until one is found that stays: the next time begins there. */
	ub->pending_from = ub->nr_pages;
	for (; left && nr < ub->nr_pages; nr++) {
		if (ubmem_kind_of(ub, nr) != UBMEM_PENDING)
			continue;
		left--;
		ub->pending_pages--;
		ubmem_retire(ub, nr);
		if (!(left % 4096))
			cond_resched();
	}
	ubmem_pin_pending(ub, true);
}

/* Begins where something was mapped the last time: mostly it still is. Under ub->lock. */
static bool anything_mapped(struct ubmem *ub)
{
	u64 i, nr = ub->mapped_hint;

	for (i = 0; i < ub->nr_pages; i++, nr++) {
		if (nr == ub->nr_pages)
			nr = 0;
		if (ubmem_kind_of(ub, nr) == UBMEM_DATA &&
		    page_count(ub->backing->page(ub, nr)) > 1) {
			ub->mapped_hint = nr;
			return true;
		}
		if (!(i % 4096))
			cond_resched();
	}
	return false;
}

/*
 * Unpins the module when no page is mapped any more. Under ub->lock. As long as something is
 * kept above, it watches on: what needed that may have gone since it was looked at, and nobody else comes
 * to look again.
 */
static void check_watched(struct ubmem *ub)
{
	if (!ub->watched || ub->calls->watching(ub) || anything_mapped(ub))
		return;
	ub->watched = false;
	module_put(THIS_MODULE);
}

static void reclaim_work(struct work_struct *work)
{
	struct ubmem *ub = container_of(to_delayed_work(work), struct ubmem, reclaim);
	bool again;

	if (ub->guest)
		ub->calls->release(ub);
	mutex_lock(&ub->lock);
	ubmem_reclaim_pending(ub);
	check_watched(ub);
	again = ub->pending_pages || ub->watched;
	mutex_unlock(&ub->lock);
	if (again)
		schedule_delayed_work(&ub->reclaim, RECLAIM_INTERVAL);
}

/**
 * ubmem_note_mapped - pages of snapshots may be mapped from now on
 * @ub: the pool
 *
 * In a kept pool snapshots do not pin the module, but tasks that map their pages have to.
 *
 * Context: takes ub->lock; the caller has the module pinned.
 */
void ubmem_note_mapped(struct ubmem *ub)
{
	if (!ub->backing->kept)
		return;
	mutex_lock(&ub->lock);
	if (!ub->watched) {
		ub->watched = true;
		__module_get(THIS_MODULE);
		schedule_delayed_work(&ub->reclaim, RECLAIM_INTERVAL);
	}
	mutex_unlock(&ub->lock);
}

/**
 * ubmem_reclaim - free the pending pages that are no longer in use
 * @ub: the pool
 *
 * Context: the caller has the module pinned. Takes ub->lock.
 */
void ubmem_reclaim(struct ubmem *ub)
{
	ub->calls->release(ub);
	mutex_lock(&ub->lock);
	ubmem_reclaim_pending(ub);
	check_watched(ub);
	mutex_unlock(&ub->lock);
}

/**
 * ubmem_reclaim_init - prepare to look at pages now and then
 * @ub: the pool; nobody else knows it
 */
void ubmem_reclaim_init(struct ubmem *ub)
{
	INIT_DELAYED_WORK(&ub->reclaim, reclaim_work);
}

/**
 * ubmem_reclaim_stop - look at pages no more
 * @ub: a pool of which no page is in use by a task
 */
void ubmem_reclaim_stop(struct ubmem *ub)
{
	WARN_ON(ub->pending_pages || ub->watched);
	cancel_delayed_work_sync(&ub->reclaim);
}
