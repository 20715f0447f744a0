/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pool: where its pages come from, and what is known of each.
 *
 * ubmem may be written by others. What memory safety depends on is kept in memory of our own
 * (ubmem.use[] and each snapshot's index); what lies in ubmem is compared with it, and
 * never followed.
 *
 * Lock order: mmap_lock; rmfork_sharing.loading; ubmem.lock. User memory is never touched under ubmem.lock.
 */
#ifndef RMFORK_UBMEM_UBMEM_H
#define RMFORK_UBMEM_UBMEM_H

#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <rmfork/uapi.h>

/* Pages in 2 MiB. A kernel without huge pages, such as one of PREEMPT_RT, does not define HPAGE_PMD_NR. */
#define UBMEM_HUGE_PAGES (PMD_SIZE / PAGE_SIZE)

struct rmfork_sharing;
struct rmfork_snapshots;
struct ubmem;

/**
 * struct ubmem_backing - where the pages of a pool come from
 * @name:    for messages
 * @kept:    the pages keep their contents without the module
 * @remote:  other machines may have the pool in use
 * @persistent: the pages keep their contents when the machine is reset, but its caches do not: what is written is
 *	      flushed, see ubmem_barrier()
 * @create:  provides ubmem.nr_pages pages, or fails with nothing left behind
 * @destroy: drops the pool's reference to each page. A page some task still maps is freed by the
 *	     last unmapping
 * @page:    the page of number @nr, below ubmem.nr_pages. Its count is one when nobody but the
 *	     pool uses it; it must be fit for vm_insert_page()
 * @find:    whether a page is one of the pool's; then sets its number
 */
struct ubmem_backing {
	const char *name;
	bool kept;
	bool remote;
	bool persistent;
	int (*create)(struct ubmem *ub);
	void (*destroy)(struct ubmem *ub);
	struct page *(*page)(const struct ubmem *ub, u64 nr);
	bool (*find)(const struct ubmem *ub, const struct page *page, u64 *nr);
};

/**
 * enum ubmem_kind - what a page of ubmem is used for
 * @UBMEM_FREE:	   nothing
 * @UBMEM_SYSTEM:  the superblocks, the directory and the table of guests
 * @UBMEM_META:	   a header, a block of an index or of checksums; of one snapshot
 * @UBMEM_DATA:	   a page of a task; of one or more snapshots
 * @UBMEM_PENDING: a page of a task, of no snapshot, but still in use by a task
 */
enum ubmem_kind { UBMEM_FREE, UBMEM_SYSTEM, UBMEM_META, UBMEM_DATA, UBMEM_PENDING };

/**
 * struct ubmem_calls - what the pool asks of the rooms above, which know what its pages are in use for
 * @release:  give up what is kept only as long as others need it and is not needed any more. Takes
 *	      ub->lock; the caller has the module pinned
 * @watching: whether something is kept that is to be looked at again now and then, as nobody tells when
 *	      it is not needed any more. Under ub->lock
 */
struct ubmem_calls {
	void (*release)(struct ubmem *ub);
	bool (*watching)(const struct ubmem *ub);
};

/**
 * struct ubmem - the pool
 * @backing:	   where pages come from
 * @backing_data:  the backing's own
 * @calls:	   of the rooms above
 * @nr_pages:	   size
 * @phys:	   physical address, of a range
 * @uuid:	   drawn when the pool is made
 * @user:	   drawn by us, in the first superblock as long as we use the pool
 * @named:	   it is there: the pool is kept, and ours. Set once, before anybody else knows the pool
 * @lost:	   another was found there: never cleared, so it may be read by anybody at any time
 * @guest:	   another machine owns the pool: nothing but our block in the table is ours to write
 * @lock:	   guards everything below, but what @snapshots and @sharing say themselves
 * @use:	   per page: an enum ubmem_kind, and how many snapshots use it
 * @origins:	   pfn of a page of ordinary memory -> number of the page that stores it, if others
 *		   may want to store it too. A hint: the contents decide
 * @origin_of:	   per page: the key it has in @origins, plus one; 0: none
 * @sums:	   per page that is data: the checksum of what it holds; 0: not known
 * @free_pages:	   pages that are UBMEM_FREE
 * @pending_pages: pages that are UBMEM_PENDING
 * @pending_from:  there is none below
 * @mapped_hint:   number of a page that was mapped when it was looked at last
 * @hint:	   where to look for a free page first
 * @no_huge:	   no free 2 MiB were found, and nothing was freed since
 * @generation:	   of the newest snapshot
 * @sequence:	   number of the superblock that was written last; 0: none was
 * @said:	   per superblock: the generation in it
 * @directory:	   number of the first page of the directory; never changes once it is there
 * @guests:	   number of the first page of the table of guests; 0: there is none. Never changes once it is there
 * @watched:	   pages of a kept pool may be mapped
 * @reclaim:	   looks at pending and mapped pages now and then while there may be any
 * @snapshots:	   snapshot/'s own
 * @sharing:	   share/'s own
 *
 * The module is pinned once per snapshot that would be lost without it, once while there are pending
 * pages, and once while @watched.
 */
struct ubmem {
	const struct ubmem_backing *backing;
	void *backing_data;
	const struct ubmem_calls *calls;
	u64 nr_pages;
	phys_addr_t phys;
	u8 uuid[RMFORK_UUID_BYTES];
	u64 user;
	bool named;
	bool lost;
	bool guest;
	struct mutex lock;
	u32 *use;
	struct xarray origins;
	unsigned long *origin_of;
	u32 *sums;
	u64 free_pages;
	u64 pending_pages;
	u64 pending_from;
	u64 mapped_hint;
	u64 hint;
	bool no_huge;
	u64 generation;
	u64 sequence;
	u64 said[RMFORK_SUPERS];
	u64 directory;
	u64 guests;
	bool watched;
	struct delayed_work reclaim;
	struct rmfork_snapshots *snapshots;
	struct rmfork_sharing *sharing;
};

/* The page at an offset, which lies in the pool. */
static inline struct page *ubmem_page(const struct ubmem *ub, u64 off)
{
	return ub->backing->page(ub, off >> PAGE_SHIFT);
}

#endif /* RMFORK_UBMEM_UBMEM_H */
