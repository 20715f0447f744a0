// SPDX-License-Identifier: GPL-2.0-only
/*
 * What each page of ubmem is used for, and by how many snapshots.
 *
 * A page goes free -> data (of one snapshot, then perhaps of more) -> (pending ->) free. It is
 * pending when its last snapshot is gone but its count says that somebody still uses it: a
 * task that maps it, or a pipe, or an I/O in flight. Nobody can come to a page of no snapshot
 * anew except through such a user, so once the count is back to the pool's own one, the page is
 * free. A task that maps a pending page may be dumped: then the page is data again.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/mm.h>
#include <linux/module.h>
#include <linux/printk.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/uuid.h>
#include <linux/vmalloc.h>

#include "rmfork-module.h"

/* How often pending pages are looked at when nobody asks. */
#define RECLAIM_INTERVAL HZ

/* In ubmem.use[]: the kind above, the number of snapshots below. */
#define KIND_SHIFT 28
#define MAX_USERS ((1U << KIND_SHIFT) - 1)

static void set_use(struct ubmem *ub, u64 nr, enum ubmem_kind kind, u32 users)
{
	WRITE_ONCE(ub->use[nr], (u32)kind << KIND_SHIFT | users);
}

/**
 * ubmem_lost - whether another machine has taken the pool over
 * @ub: the pool
 *
 * Asked before a page is taken, and before anything is written that others read. Once it is so it stays so: the
 * other one has its own books, by which it uses what is in use by ours. What is under way when it happens, platforms
 * have to keep from the memory.
 */
bool ubmem_lost(struct ubmem *ub)
{
	if (!ub->named)
		return false;
	if (READ_ONCE(ub->lost))
		return true;
	if (ubmem_read_word(ub, offsetof(struct rmfork_super, user)) == ub->user)
		return false;
	WRITE_ONCE(ub->lost, true);
	pr_err("ubmem is another machine's now: load the module anew\n");
	return true;
}

/**
 * ubmem_kind_of - what a page is used for
 * @ub: the pool
 * @nr: the page's number
 *
 * Return: its kind; without ub->lock, a moment's picture.
 */
enum ubmem_kind ubmem_kind_of(const struct ubmem *ub, u64 nr)
{
	return READ_ONCE(ub->use[nr]) >> KIND_SHIFT;
}

/**
 * ubmem_users - how many snapshots use a page
 * @ub: the pool
 * @nr: the page's number
 *
 * Return: their number; without ub->lock, a moment's picture.
 */
u32 ubmem_users(const struct ubmem *ub, u64 nr)
{
	return READ_ONCE(ub->use[nr]) & MAX_USERS;
}

/* A page that no snapshot uses any more. Under ub->lock. */
static void retire_page(struct ubmem *ub, u64 nr)
{
	if (page_count(ub->backing->page(ub, nr)) > 1) {
		set_use(ub, nr, UBMEM_PENDING, 0);
		ub->pending_from = ub->pending_pages++ ? min(ub->pending_from, nr) : nr;
		return;
	}
	ubmem_origin_forget(ub, nr);
	ub->sums[nr] = 0;
	set_use(ub, nr, UBMEM_FREE, 0);
	ub->free_pages++;
	ub->no_huge = false;
}

/* Keeps the module pinned as long as there are pending pages. Under ub->lock. */
static void pin_pending(struct ubmem *ub, bool had_pending)
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

/* Frees the pending pages nobody uses any more. Under ub->lock. */
static void reclaim_locked(struct ubmem *ub)
{
	u64 nr, left = ub->pending_pages;

	if (!left)
		return;
	for (nr = ub->pending_from; left && nr < ub->nr_pages; nr++) {
		if (ubmem_kind_of(ub, nr) != UBMEM_PENDING)
			continue;
		left--;
		ub->pending_pages--;
		retire_page(ub, nr);
		if (!(left % 4096))
			cond_resched();
	}
	pin_pending(ub, true);
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
 * Unpins the module when no page is mapped any more. Under ub->lock. A guest that still has snapshots
 * pinned watches on: what kept them may have gone since rmfork_guest_tidy() looked, and nobody
 * else comes to look again.
 */
static void check_watched(struct ubmem *ub)
{
	if (!ub->watched || (ub->guest && ub->nr_snapshots) || anything_mapped(ub))
		return;
	ub->watched = false;
	module_put(THIS_MODULE);
}

static void reclaim_work(struct work_struct *work)
{
	struct ubmem *ub = container_of(to_delayed_work(work), struct ubmem, reclaim);
	bool again;

	if (ub->guest)
		rmfork_guest_tidy(ub);
	mutex_lock(&ub->lock);
	reclaim_locked(ub);
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
	if (ub->guest)
		rmfork_guest_tidy(ub);
	else
		ubmem_release_detained(ub);
	mutex_lock(&ub->lock);
	reclaim_locked(ub);
	check_watched(ub);
	mutex_unlock(&ub->lock);
}

/* Takes @nr free pages from @first on. Under ub->lock. */
static void take(struct ubmem *ub, enum ubmem_kind kind, u64 first, u64 nr)
{
	u64 i;

	for (i = first; i < first + nr; i++)
		set_use(ub, i, kind, 1);
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
		ubmem_release_detained(ub);
	if (ubmem_lost(ub))
		return -ESTALE;
	mutex_lock(&ub->lock);
	if (!ub->free_pages)
		reclaim_locked(ub);
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
	retire_page(ub, nr);
}

/* Under ub->lock. */
static bool share_locked(struct ubmem *ub, u64 nr)
{
	if (ubmem_kind_of(ub, nr) == UBMEM_DATA && ubmem_users(ub, nr) < MAX_USERS) {
		set_use(ub, nr, UBMEM_DATA, ubmem_users(ub, nr) + 1);
		return true;
	}
	if (ubmem_kind_of(ub, nr) != UBMEM_PENDING)
		return false;
	set_use(ub, nr, UBMEM_DATA, 1);
	ub->pending_pages--;
	pin_pending(ub, true);
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

static bool take_huge(struct ubmem *ub, u64 from, u64 to, u64 *first)
{
	u64 nr;

	for (nr = round_up(from, HPAGE_PMD_NR); nr + HPAGE_PMD_NR <= to; nr += HPAGE_PMD_NR) {
		if (free_run(ub, nr, to, HPAGE_PMD_NR) < HPAGE_PMD_NR)
			continue;
		take(ub, UBMEM_DATA, nr, HPAGE_PMD_NR);
		ub->hint = nr + HPAGE_PMD_NR;
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
			set_use(ub, i, UBMEM_DATA, ubmem_users(ub, i) - 1);
		else
			retire_page(ub, i);
		if (!(i % 4096))
			cond_resched();
	}
	if (!had_pending)
		pin_pending(ub, false);
	mutex_unlock(&ub->lock);
}

static void forget_all(struct list_head *snapshots)
{
	struct rmfork_snapshot *snap, *next;

	list_for_each_entry_safe(snap, next, snapshots, node)
		rmfork_snapshot_forget(snap);
}

/* Forgets a pool, without a word to it. */
static void give_up(struct ubmem *ub)
{
	forget_all(&ub->snapshots);
	forget_all(&ub->detained);
	ub->backing->destroy(ub);
	kvfree(ub->dir_blocks);
	kvfree(ub->dir_taken);
	vfree(ub->use);
	vfree(ub->origin_of);
	vfree(ub->sums);
	xa_destroy(&ub->origins);
}

static int format_pool(struct ubmem *ub)
{
	u64 nr;
	int ret;

	generate_random_uuid(ub->uuid);
	ret = ubmem_guests_format(ub);
	if (!ret)
		ret = ubmem_take_system(ub, &nr);
	if (!ret)
		ret = ubmem_dir_format(ub, nr);
	return ret ? ret : ubmem_write_super(ub);
}

/* A new pool would pull away the memory of tasks on other machines. */
static int check_unused(struct ubmem *ub)
{
	struct rmfork_super super;

	if (!ub->backing->remote || ubmem_blank(ub))
		return 0;
	ubmem_read(ub, 0, &super, sizeof(super));
	if (super.magic != RMFORK_SUPER_MAGIC)
		return 0;
	/* The owner is named at one place in all layouts; the guests are not. */
	if (!super.user && (super.layout_version != RMFORK_LAYOUT_VERSION ||
			    !ubmem_guests_any(ub, super.guests_off)))
		return 0;
	pr_err("other machines use ubmem: ubmem_format=1 with ubmem_take=1 if they are gone\n");
	return -EBUSY;
}

/* What is there already, or an empty pool. */
static int fill_pool(struct ubmem *ub, unsigned int how)
{
	int ret;

	ub->use = vcalloc(ub->nr_pages, sizeof(*ub->use));
	ub->origin_of = vcalloc(ub->nr_pages, sizeof(*ub->origin_of));
	ub->sums = vcalloc(ub->nr_pages, sizeof(*ub->sums));
	if (!ub->use || !ub->origin_of || !ub->sums)
		return -ENOMEM;
	set_use(ub, 0, UBMEM_SYSTEM, 1);
	ub->free_pages = ub->nr_pages - 1;
	if (ub->guest)
		return ubmem_attach(ub);
	if (ub->backing->kept && !(how & UBMEM_FORMAT)) {
		ret = ubmem_adopt(ub, how & UBMEM_TAKE);
		if (ret != -ENOENT)
			return ret;
	}
	if ((how & UBMEM_FORMAT) && !(how & UBMEM_TAKE)) {
		ret = check_unused(ub);
		if (ret)
			return ret;
	}
	return format_pool(ub);
}

/**
 * ubmem_init - make a pool
 * @ub:	 filled; backing, nr_pages (which the backing may round up) and phys are set already, the rest
 *	 is zero
 * @how: UBMEM_FORMAT and UBMEM_TAKE, or UBMEM_ATTACH
 *
 * Return: 0 or -errno, with nothing left behind.
 */
int ubmem_init(struct ubmem *ub, unsigned int how)
{
	int ret;

	mutex_init(&ub->lock);
	mutex_init(&ub->loading);
	xa_init(&ub->origins);
	INIT_LIST_HEAD(&ub->snapshots);
	INIT_LIST_HEAD(&ub->detained);
	INIT_DELAYED_WORK(&ub->reclaim, reclaim_work);
	ub->user = get_random_u64() | 1;
	ub->guest = how & UBMEM_ATTACH;

	ret = ub->backing->create(ub);
	if (ret)
		return ret;
	ret = fill_pool(ub, how);
	if (ret)
		give_up(ub);
	else
		ub->named = ub->backing->kept && !ub->guest;
	return ret;
}

/**
 * ubmem_destroy - undo ubmem_init()
 * @ub: a pool of which no page is in use by a task
 *
 * A kept pool keeps its snapshots.
 */
void ubmem_destroy(struct ubmem *ub)
{
	WARN_ON(ub->pending_pages || ub->watched);
	cancel_delayed_work_sync(&ub->reclaim);
	if (ub->guest) {
		ubmem_detach(ub);
	} else if (!ubmem_lost(ub)) {
		ub->named = false;
		ub->user = 0;
		ubmem_write_super(ub);
	}
	give_up(ub);
}
