// SPDX-License-Identifier: GPL-2.0-only
/*
 * ubmem in ordinary memory, allocated when the module is loaded.
 *
 * Allocated in blocks of 2 MiB where memory is not too fragmented for that, which keeps the direct
 * map whole, and split, so that each page has its own count and can be inserted, unmapped and
 * freed alone.
 */
#include <linux/gfp.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>

#include "ubmem/backing-alloc.h"
#include "ubmem/ubmem.h"

#define BLOCK_ORDER 9

/**
 * struct alloc_backing - the pages
 * @nr:    how many there are so far
 * @pages: each; its page_private() is its place here
 */
struct alloc_backing {
	u64 nr;
	struct page *pages[];
};

static void alloc_destroy(struct ubmem *ub)
{
	struct alloc_backing *b = ub->backing_data;
	struct page *page;

	while (b->nr) {
		page = b->pages[--b->nr];
		set_page_private(page, 0);
		/* Not __free_page(): whoever still maps the page keeps it. */
		put_page(page);
		if (!(b->nr % 4096))
			cond_resched();
	}
	kvfree(b);
	ub->backing_data = NULL;
}

static int add_block(struct alloc_backing *b, unsigned int order)
{
	/* RETRY_MAYFAIL: reclaim, but rather fail than have something killed. */
	struct page *page = alloc_pages(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN, order);
	unsigned long i;

	if (!page)
		return -ENOMEM;
	split_page(page, order);
	for (i = 0; i < 1UL << order; i++) {
		set_page_private(page + i, b->nr);
		b->pages[b->nr++] = page + i;
	}
	return 0;
}

static int fill(struct alloc_backing *b, u64 nr_pages)
{
	unsigned int order = BLOCK_ORDER;
	int ret;

	while (b->nr < nr_pages) {
		if (fatal_signal_pending(current))
			return -EINTR;
		ret = add_block(b, order);
		if (ret && !order)
			return ret;
		if (ret)
			order = 0;
		cond_resched();
	}
	return 0;
}

static int alloc_create(struct ubmem *ub)
{
	struct alloc_backing *b;
	int ret;

	ub->nr_pages = round_up(ub->nr_pages, 1UL << BLOCK_ORDER);
	b = kvzalloc(struct_size(b, pages, ub->nr_pages), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	ub->backing_data = b;
	ret = fill(b, ub->nr_pages);
	if (ret)
		alloc_destroy(ub);
	return ret;
}

static struct page *alloc_page_of(const struct ubmem *ub, u64 nr)
{
	const struct alloc_backing *b = ub->backing_data;

	return b->pages[nr];
}

/* Another's page may hold anything there, but not be found at that place. */
static bool alloc_find(const struct ubmem *ub, const struct page *page, u64 *nr)
{
	const struct alloc_backing *b = ub->backing_data;

	*nr = page_private(page);
	return *nr < b->nr && b->pages[*nr] == page;
}

const struct ubmem_backing ubmem_backing_alloc = {
	.name = "allocated",
	.create = alloc_create,
	.destroy = alloc_destroy,
	.page = alloc_page_of,
	.find = alloc_find,
};
