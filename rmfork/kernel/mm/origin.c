// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which page of ordinary memory was stored where in ubmem.
 *
 * After a fork, tasks have pages in common until one of them writes. When the second of them is
 * dumped, its page is found here by its frame number and is not stored again. That is a hint and no
 * more: the frame may have been given to somebody else since. So the contents are compared, and
 * equal contents are as good as the same page; nobody needs to say when the tasks have gone.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "rmfork-module.h"

/**
 * ubmem_origin_forget - the contents of a page of ubmem go
 * @ub: the pool
 * @nr: number of the page
 *
 * Context: under ub->lock.
 */
void ubmem_origin_forget(struct ubmem *ub, u64 nr)
{
	if (!ub->origin_of[nr])
		return;
	xa_erase(&ub->origins, ub->origin_of[nr] - 1);
	ub->origin_of[nr] = 0;
}

/**
 * ubmem_origin_note - a page was stored that other tasks may have too
 * @ub:	    the pool
 * @nr:	    number of the page of ubmem it is stored in, in use by the caller's snapshot
 * @source: the page
 *
 * Without memory for the note the page is merely stored twice.
 */
void ubmem_origin_note(struct ubmem *ub, u64 nr, const struct page *source)
{
	unsigned long pfn = page_to_pfn(source);
	void *old;

	mutex_lock(&ub->lock);
	ubmem_origin_forget(ub, nr);
	old = xa_store(&ub->origins, pfn, xa_mk_value(nr), GFP_KERNEL);
	if (!xa_is_err(old)) {
		if (old)
			ub->origin_of[xa_to_value(old)] = 0;
		ub->origin_of[nr] = pfn + 1;
	}
	mutex_unlock(&ub->lock);
}

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
 * ubmem_origin_share - use what is stored already of a page
 * @ub:	    the pool
 * @source: the page, with a reference
 * @nr:	    set to the number of the page of ubmem that has the same contents
 *
 * Return: whether there is one; then it has one user more, undone by ubmem_put_run().
 */
bool ubmem_origin_share(struct ubmem *ub, struct page *source, u64 *nr)
{
	void *entry = xa_load(&ub->origins, page_to_pfn(source));

	if (!entry)
		return false;
	*nr = xa_to_value(entry);
	if (!ubmem_share_page(ub, *nr))
		return false;
	/*
	 * Between the two it may have been freed and taken for another page, whose contents are not there
	 * yet. From here on it is kept: what is still noted has its contents.
	 */
	if (xa_load(&ub->origins, page_to_pfn(source)) == entry &&
	    same_contents(source, ub->backing->page(ub, *nr)))
		return true;
	ubmem_put_run(ub, *nr, 1);
	return false;
}
