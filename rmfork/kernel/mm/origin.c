// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sharing what other tasks have stored already.
 *
 * After a fork, tasks have pages in common until one of them writes. When the second of them is
 * dumped, its page is found by its frame number (ubmem/origins.c) and is not stored again. That is a hint and no
 * more: the frame may have been given to somebody else since. So the contents are compared, and
 * equal contents are as good as the same page.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/string.h>

#include "mm/origin.h"
#include "ubmem/alloc.h"
#include "ubmem/origins.h"
#include "ubmem/ubmem.h"

static bool same_contents(struct page *a, struct page *b)
{
	void *at_a = kmap_local_page(a);
	void *at_b = kmap_local_page(b);
	bool same = !memcmp(at_a, at_b, PAGE_SIZE);

	kunmap_local(at_b);
	kunmap_local(at_a);
	return same;
}

/**
 * rmfork_origin_share - use what is stored already of a page
 * @ub:	    the pool
 * @source: the page, with a reference
 * @nr:	    set to the number of the page of ubmem that has the same contents
 *
 * Return: whether there is one; then it has one user more, undone by ubmem_put_run().
 */
bool rmfork_origin_share(struct ubmem *ub, struct page *source, u64 *nr)
{
	u64 now;

	if (!ubmem_origin_find(ub, source, nr))
		return false;
	if (!ubmem_share_page(ub, *nr))
		return false;
	/*
	 * Between the two it may have been freed and taken for another page, whose contents are not there
	 * yet. From here on it is kept: what is still noted has its contents.
	 */
	if (ubmem_origin_find(ub, source, &now) && now == *nr &&
	    same_contents(source, ub->backing->page(ub, *nr)))
		return true;
	ubmem_put_run(ub, *nr, 1);
	return false;
}
