// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which page of ordinary memory was stored where in ubmem.
 *
 * A note is a hint and no more: the frame may have been given to somebody else since. Nobody needs to
 * say when the tasks that had it have gone; who goes by a note compares the contents.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "ubmem/origins.h"
#include "ubmem/ubmem.h"

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

/**
 * ubmem_origin_find - where a page is stored, by what was noted
 * @ub:	    the pool
 * @source: the page
 * @nr:	    set to the number of the page of ubmem, which may be in use for anything by now
 *
 * Return: whether there is a note.
 */
bool ubmem_origin_find(struct ubmem *ub, const struct page *source, u64 *nr)
{
	void *entry = xa_load(&ub->origins, page_to_pfn(source));

	if (!entry)
		return false;
	*nr = xa_to_value(entry);
	return true;
}
