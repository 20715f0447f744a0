// SPDX-License-Identifier: GPL-2.0-only
/*
 * A batch of pages of a task, on the way into ubmem: what is zero is left out, what is there
 * already is shared, the rest is copied.
 */
#include <linux/highmem.h>
#include <linux/mm.h>

#include "mm/compat.h"
#include "mm/origin.h"
#include "mm/store.h"
#include "snapshot/index.h"
#include "snapshot/snapshot.h"
#include "snapshot/sums.h"
#include "ubmem/alloc.h"
#include "ubmem/layout.h"
#include "ubmem/origins.h"
#include "ubmem/ubmem.h"

/**
 * rmfork_batch_add - one page more
 * @b:	  the batch, not full
 * @addr: where the page is mapped; ascending
 * @page: the page, with a reference that goes to the batch
 */
void rmfork_batch_add(struct rmfork_batch *b, unsigned long addr, struct page *page)
{
	b->pages[b->nr].addr = addr;
	b->pages[b->nr].page = page;
	b->nr++;
}

/**
 * rmfork_batch_drop - empty a batch
 * @b: the batch
 */
void rmfork_batch_drop(struct rmfork_batch *b)
{
	while (b->nr)
		put_page(b->pages[--b->nr].page);
	b->huge = false;
}

static bool is_zero(struct page *page)
{
	void *data = kmap_local_page(page);
	bool zero = !memchr_inv(data, 0, PAGE_SIZE);

	kunmap_local(data);
	return zero;
}

/* Drops from the batch what need not be stored, and sees that nothing in it is bad memory. */
static int sift(struct rmfork_batch *b, bool zeros_implied)
{
	unsigned int i, kept = 0;
	int ret = 0;

	for (i = 0; i < b->nr; i++) {
		struct page *page = b->pages[i].page;

		if (PageHWPoison(page)) {
			ret = -EHWPOISON;
		} else if (zeros_implied && is_zero(page)) {
			put_page(page);
			continue;
		}
		b->pages[kept++] = b->pages[i];
	}
	b->nr = kept;
	return ret;
}

/* Whether another task may have the same page. One that is in swap may come back to many. */
static bool maybe_common(struct page *page)
{
	return rmfork_page_shared(page) || folio_test_swapcache(page_folio(page));
}

/* Finds a page in what is stored already; then @nr is one the snapshot may use. */
static bool share_page(struct rmfork_batch *b, struct page *page, u64 *nr)
{
	if (b->snap->ub->backing->find(b->snap->ub, page, nr))
		return ubmem_share_page(b->snap->ub, *nr);
	return maybe_common(page) && rmfork_origin_share(b->snap->ub, page, nr);
}

/* Adds pages the snapshot uses to its index, or puts them back. */
static int index_run(struct rmfork_batch *b, unsigned long addr, u64 first, u64 nr)
{
	int ret = -ENOSPC;

	/* More can be only where many addresses have the same page (KSM). Who finds the pool will not believe it. */
	if (b->snap->index.pages + nr <= b->snap->ub->nr_pages)
		ret = rmfork_index_append(&b->snap->index, addr, nr, first << PAGE_SHIFT);
	if (ret)
		ubmem_put_run(b->snap->ub, first, nr);
	return ret;
}

/* Copies some pages of the batch, the addresses in a row, into pages taken for them. */
static int copy_run(struct rmfork_batch *b, unsigned int at, u64 first, u64 nr)
{
	struct page *page;
	u64 i;

	for (i = 0; i < nr; i++) {
		page = b->pages[at + i].page;
		copy_highpage(b->snap->ub->backing->page(b->snap->ub, first + i), page);
		/* Now it is in the processor's cache. */
		if (READ_ONCE(ubmem_sums))
			rmfork_sums_note(b->snap->ub, first + i);
		ubmem_flush_page(b->snap->ub, first + i);
		if (maybe_common(page))
			ubmem_origin_note(b->snap->ub, first + i, page);
	}
	return index_run(b, b->pages[at].addr, first, nr);
}

/* Stores pages @from up to @to of the batch anew. */
static int store_fresh(struct rmfork_batch *b, unsigned int from, unsigned int to)
{
	unsigned int end;
	u64 first, got;
	int ret;

	for (; from < to; from += got) {
		for (end = from + 1; end < to; end++)
			if (b->pages[end].addr != b->pages[end - 1].addr + PAGE_SIZE)
				break;
		got = end - from;
		if (got < UBMEM_HUGE_PAGES || !b->huge || ubmem_alloc_huge(b->snap->ub, &first)) {
			ret = ubmem_alloc_run(b->snap->ub, UBMEM_DATA, got, &first, &got);
			if (ret)
				return ret;
		}
		ret = copy_run(b, from, first, got);
		if (ret)
			return ret;
	}
	return 0;
}

/**
 * rmfork_batch_store - store the pages of a batch, and index them
 * @b:		   the batch; still full of references afterwards
 * @zeros_implied: pages full of zeros need not be stored
 *
 * Context: takes ub->lock; the mmap lock of the dumped task may be held.
 * Return: 0, -EHWPOISON, -ENOSPC or -ENOMEM.
 */
int rmfork_batch_store(struct rmfork_batch *b, bool zeros_implied)
{
	unsigned int i, fresh = 0;
	int ret;
	u64 nr;

	ret = sift(b, zeros_implied);
	if (ret)
		return ret;
	for (i = 0; i < b->nr; i++) {
		if (!share_page(b, b->pages[i].page, &nr))
			continue;
		/* The index ascends: first what came before. */
		ret = store_fresh(b, fresh, i);
		if (ret) {
			ubmem_put_run(b->snap->ub, nr, 1);
			return ret;
		}
		ret = index_run(b, b->pages[i].addr, nr, 1);
		if (ret)
			return ret;
		fresh = i + 1;
	}
	return store_fresh(b, fresh, b->nr);
}
