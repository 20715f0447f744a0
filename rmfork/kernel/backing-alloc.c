// SPDX-License-Identifier: GPL-2.0-only
/*
 * ubmem in ordinary memory, allocated when the module is loaded.
 *
 * Allocated in chunks of 2 MiB, which keeps the direct map whole, and split, so that each
 * page has its own count and can be inserted, unmapped and freed alone.
 */
#include <linux/gfp.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "rmfork-module.h"

#define CHUNK_ORDER 9
#define CHUNK_PAGES (1UL << CHUNK_ORDER)

/**
 * struct alloc_backing - the chunks
 * @chunks: first page of each
 * @nr:	    how many there are
 * @by_pfn: pfn / CHUNK_PAGES -> non-NULL; chunks are naturally aligned
 */
struct alloc_backing {
	struct page **chunks;
	u64 nr;
	struct xarray by_pfn;
};

static void free_chunk(struct page *chunk)
{
	unsigned long i;

	/* Not __free_page(): whoever still maps a page keeps it. */
	for (i = 0; i < CHUNK_PAGES; i++)
		put_page(chunk + i);
}

static void alloc_destroy(struct ubmem *ub)
{
	struct alloc_backing *b = ub->backing_data;

	xa_destroy(&b->by_pfn);
	while (b->nr) {
		free_chunk(b->chunks[--b->nr]);
		cond_resched();
	}
	kvfree(b->chunks);
	kfree(b);
	ub->backing_data = NULL;
}

static int add_chunk(struct alloc_backing *b)
{
	struct page *chunk;
	int ret;

	if (fatal_signal_pending(current))
		return -EINTR;
	/* RETRY_MAYFAIL: reclaim, but rather fail than have something killed. */
	chunk = alloc_pages(GFP_KERNEL | __GFP_RETRY_MAYFAIL | __GFP_NOWARN, CHUNK_ORDER);
	if (!chunk)
		return -ENOMEM;
	split_page(chunk, CHUNK_ORDER);
	ret = xa_err(xa_store(&b->by_pfn, page_to_pfn(chunk) >> CHUNK_ORDER, chunk, GFP_KERNEL));
	if (ret) {
		free_chunk(chunk);
		return ret;
	}
	b->chunks[b->nr++] = chunk;
	return 0;
}

static int alloc_create(struct ubmem *ub)
{
	u64 nr = DIV_ROUND_UP_ULL(ub->nr_pages, CHUNK_PAGES);
	struct alloc_backing *b;
	int ret = 0;

	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	xa_init(&b->by_pfn);
	b->chunks = kvcalloc(nr, sizeof(*b->chunks), GFP_KERNEL);
	if (!b->chunks) {
		kfree(b);
		return -ENOMEM;
	}
	ub->backing_data = b;
	while (!ret && b->nr < nr) {
		ret = add_chunk(b);
		cond_resched();
	}
	if (ret)
		alloc_destroy(ub);
	else
		ub->nr_pages = nr * CHUNK_PAGES;
	return ret;
}

static struct page *alloc_page_of(const struct ubmem *ub, u64 nr)
{
	const struct alloc_backing *b = ub->backing_data;

	return b->chunks[nr >> CHUNK_ORDER] + (nr & (CHUNK_PAGES - 1));
}

static bool alloc_owns(const struct ubmem *ub, const struct page *page)
{
	struct alloc_backing *b = ub->backing_data;

	return xa_load(&b->by_pfn, page_to_pfn(page) >> CHUNK_ORDER);
}

const struct ubmem_backing ubmem_backing_alloc = {
	.name = "allocated",
	.create = alloc_create,
	.destroy = alloc_destroy,
	.page = alloc_page_of,
	.owns = alloc_owns,
};
