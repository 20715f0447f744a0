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
#include <linux/mm.h>

#include "ubmem/origins.h"
#include "ubmem/ubmem.h"
#include "ubmem/use.h"

/**
 * ubmem_set_use - say what a page is used for from now on
 * @ub:	   the pool
 * @nr:	   the page's number
 * @kind:  for what
 * @users: by how many snapshots
 *
 * Context: under ub->lock, or before anybody else knows the pool.
 */
void ubmem_set_use(struct ubmem *ub, u64 nr, enum ubmem_kind kind, u32 users)
{
	WRITE_ONCE(ub->use[nr], (u32)kind << UBMEM_KIND_SHIFT | users);
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
	return READ_ONCE(ub->use[nr]) >> UBMEM_KIND_SHIFT;
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
	return READ_ONCE(ub->use[nr]) & UBMEM_MAX_USERS;
}

/**
 * ubmem_retire - no snapshot uses a page any more
 * @ub: the pool
 * @nr: the page's number
 *
 * Context: under ub->lock.
 */
void ubmem_retire(struct ubmem *ub, u64 nr)
{
	if (page_count(ub->backing->page(ub, nr)) > 1) {
		ubmem_set_use(ub, nr, UBMEM_PENDING, 0);
		ub->pending_from = ub->pending_pages++ ? min(ub->pending_from, nr) : nr;
		return;
	}
	ubmem_origin_forget(ub, nr);
	ub->sums[nr] = 0;
	ubmem_set_use(ub, nr, UBMEM_FREE, 0);
	ub->free_pages++;
	ub->no_huge = false;
}
