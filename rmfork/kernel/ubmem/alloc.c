// SPDX-License-Identifier: GPL-2.0-only
/*
 * Taking pages of ubmem into use, and giving them back.
 */
#include <linux/mm.h>

#include "ubmem/alloc.h"
#include "ubmem/layout.h"
#include "ubmem/reclaim.h"
#include "ubmem/super.h"
#include "ubmem/ubmem.h"
#include "ubmem/use.h"

/* Takes @nr free pages from @first on. Under ub->lock. */
static void take(struct ubmem *ub, enum ubmem_kind kind, u64 first, u64 nr)
{
	u64 i;

	for (i = first; i < first + nr; i++)
		ubmem_set_use(ub, i, kind, 1);
	ub->free_pages -= nr;
}

/* Length of the free run at @nr, at most @want. Under ub->lock. */
static u64 free_run(const struct ubmem *ub, u64 nr, u64 to, u64 want)
{
	u64 end = nr;

	while (end < to && end - nr < want && ubmem_kind_of(ub, end) == UBMEM_FREE)
		end++;
	return end - nr;
}

/* Takes the first free run at or after @from, below @to, of up to @want pages. Under ub->lock. */
static u64 take_run(struct ubmem *ub, enum ubmem_kind kind, u64 from, u64 to, u64 want, u64 *first)
{
	u64 nr = from, got;

	while (nr < to && ubmem_kind_of(ub, nr) != UBMEM_FREE)
		nr++;
	got = free_run(ub, nr, to, want);
	if (!got)
		return 0;
	take(ub, kind, nr, got);
	ub->hint = nr + got;
	*first = nr;
	return got;
}

/**
 * ubmem_alloc_run - take some pages in a row, for one snapshot
 * @ub:	   the pool
 * @kind:  UBMEM_META or UBMEM_DATA
 * @want:  at most so many
 * @first: set to the number of the first
 * @got:   set to how many there are, at least one
 *
 * Given back by ubmem_put_run(), in any pieces.
 *
 * Context: takes ub->lock; the mmap lock of the dumped task may be held.
 * Return: 0; -ENOSPC: there is no free page; -ESTALE: the pool is another machine's now.
 */
int ubmem_alloc_run(struct ubmem *ub, enum ubmem_kind kind, u64 want, u64 *first, u64 *got)
{
	if (!READ_ONCE(ub->free_pages))
		ub->calls->release(ub);
	if (ubmem_lost(ub))
		return -ESTALE;
	mutex_lock(&ub->lock);
	if (!ub->free_pages)
		ubmem_reclaim_pending(ub);
	*got = take_run(ub, kind, ub->hint, ub->nr_pages, want, first);
	if (!*got)
		*got = take_run(ub, kind, 0, ub->hint, want, first);
	mutex_unlock(&ub->lock);
	return *got ? 0 : -ENOSPC;
}

/**
 * ubmem_take_system - take a page for the pool itself
 * @ub: the pool
 * @nr: set to the number of the page
 *
 * Context: under ub->lock.
 * Return: 0, -ENOSPC or -ESTALE.
 */
int ubmem_take_system(struct ubmem *ub, u64 *nr)
{
	if (ubmem_lost(ub))
		return -ESTALE;
	if (!take_run(ub, UBMEM_SYSTEM, ub->hint, ub->nr_pages, 1, nr) &&
	    !take_run(ub, UBMEM_SYSTEM, 0, ub->hint, 1, nr))
		return -ENOSPC;
	return 0;
}

/**
 * ubmem_put_system - undo ubmem_take_system()
 * @ub: the pool
 * @nr: number of the page
 *
 * Context: under ub->lock.
 */
void ubmem_put_system(struct ubmem *ub, u64 nr)
{
	ubmem_retire(ub, nr);
}

/* Under ub->lock. */
static bool share_locked(struct ubmem *ub, u64 nr)
{
	if (ubmem_kind_of(ub, nr) == UBMEM_DATA && ubmem_users(ub, nr) < UBMEM_MAX_USERS) {
		ubmem_set_use(ub, nr, UBMEM_DATA, ubmem_users(ub, nr) + 1);
		return true;
	}
	if (ubmem_kind_of(ub, nr) != UBMEM_PENDING)
		return false;
	ubmem_set_use(ub, nr, UBMEM_DATA, 1);
	ub->pending_pages--;
	ubmem_pin_pending(ub, true);
	return true;
}

/**
 * ubmem_claim - take a page that is in use already, by the word of what lies in the pool
 * @ub:	  the pool
 * @nr:	  number of the page
 * @kind: what it is used for
 *
 * Return: whether it can be that: only data has more than one user.
 */
bool ubmem_claim(struct ubmem *ub, u64 nr, enum ubmem_kind kind)
{
	bool good = true;

	mutex_lock(&ub->lock);
	if (ubmem_kind_of(ub, nr) == UBMEM_FREE)
		take(ub, kind, nr, 1);
	else
		good = kind == UBMEM_DATA && share_locked(ub, nr);
	mutex_unlock(&ub->lock);
	return good;
}

/**
 * ubmem_claim_off - take the page at an offset for one use, by the word of what lies in the pool
 * @ub:	  the pool
 * @off:  the offset, from whoever
 * @kind: what it is used for
 *
 * Return: whether it can be that.
 */
bool ubmem_claim_off(struct ubmem *ub, u64 off, enum ubmem_kind kind)
{
	return ubmem_off_ok(ub, off) && ubmem_claim(ub, off >> PAGE_SHIFT, kind);
}

static bool take_huge(struct ubmem *ub, u64 from, u64 to, u64 *first)
{
	u64 nr;

	for (nr = round_up(from, UBMEM_HUGE_PAGES); nr + UBMEM_HUGE_PAGES <= to; nr += UBMEM_HUGE_PAGES) {
		if (free_run(ub, nr, to, UBMEM_HUGE_PAGES) < UBMEM_HUGE_PAGES)
			continue;
		take(ub, UBMEM_DATA, nr, UBMEM_HUGE_PAGES);
		ub->hint = nr + UBMEM_HUGE_PAGES;
		*first = nr;
		return true;
	}
	return false;
}

/**
 * ubmem_alloc_huge - take 2 MiB in a row, aligned to 2 MiB, for data of one snapshot
 * @ub:	   the pool
 * @first: set to the number of the first page
 *
 * Context: as ubmem_alloc_run().
 * Return: 0; -ENOSPC: there may well be smaller runs; -ESTALE.
 */
int ubmem_alloc_huge(struct ubmem *ub, u64 *first)
{
	bool found = false;

	if (ubmem_lost(ub))
		return -ESTALE;
	mutex_lock(&ub->lock);
	if (!ub->no_huge) {
		found = take_huge(ub, ub->hint, ub->nr_pages, first) ||
			take_huge(ub, 0, ub->nr_pages, first);
		ub->no_huge = !found;
	}
	mutex_unlock(&ub->lock);
	return found ? 0 : -ENOSPC;
}

/**
 * ubmem_share_page - become one more user of a page of a task
 * @ub: the pool
 * @nr: the page's number. Its contents may be others' by now, unless the caller has a reference
 *	to the page from where a task maps it
 *
 * Return: whether that was possible; then ubmem_put_run() undoes it.
 */
bool ubmem_share_page(struct ubmem *ub, u64 nr)
{
	bool shared;

	mutex_lock(&ub->lock);
	shared = share_locked(ub, nr);
	mutex_unlock(&ub->lock);
	return shared;
}

/**
 * ubmem_put_run - a snapshot uses some pages no more
 * @ub:	   the pool
 * @first: number of the first
 * @nr:	   how many
 *
 * Context: takes ub->lock; the caller has the module pinned.
 */
void ubmem_put_run(struct ubmem *ub, u64 first, u64 nr)
{
	bool had_pending;
	u64 i;

	mutex_lock(&ub->lock);
	had_pending = ub->pending_pages;
	for (i = first; i < first + nr; i++) {
		if (ubmem_users(ub, i) > 1)
			ubmem_set_use(ub, i, UBMEM_DATA, ubmem_users(ub, i) - 1);
		else
			ubmem_retire(ub, i);
		if (!(i % 4096))
			cond_resched();
	}
	if (!had_pending)
		ubmem_pin_pending(ub, false);
	mutex_unlock(&ub->lock);
}
