// SPDX-License-Identifier: GPL-2.0-only
/*
 * ubmem in a range of physical addresses that the kernel does not use itself: kept away from it by
 * memmap=SIZE$START on its command line, persistent memory, memory of a device or of another machine.
 *
 * Only pages with a struct page can be inserted into tasks, so the range gets some.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/ioport.h>
#include <linux/memremap.h>
#include <linux/mm.h>
#include <linux/numa.h>
#include <linux/slab.h>

#include "ubmem/backing-range.h"
#include "ubmem/ubmem.h"

/**
 * struct range_backing - the range
 * @map:   what gives it pages
 * @first: of these
 */
struct range_backing {
	struct dev_pagemap map;
	struct page *first;
};

static int range_create(struct ubmem *ub)
{
	struct range_backing *b;
	void *at;

	if (!IS_ALIGNED(ub->phys, PMD_SIZE) || ub->nr_pages % UBMEM_HUGE_PAGES || !ub->nr_pages) {
		pr_err("ubmem_phys and ubmem_size must be multiples of 2 MiB\n");
		return -EINVAL;
	}
	if (region_intersects(ub->phys, ub->nr_pages << PAGE_SHIFT, IORESOURCE_SYSTEM_RAM,
			      IORES_DESC_NONE) != REGION_DISJOINT) {
		pr_err("the range at %#llx is memory that the kernel uses: keep it away by memmap=\n",
		       ub->phys);
		return -EBUSY;
	}
	b = kzalloc(sizeof(*b), GFP_KERNEL);
	if (!b)
		return -ENOMEM;
	if (!request_mem_region(ub->phys, ub->nr_pages << PAGE_SHIFT, "rmfork")) {
		pr_err("the range at %#llx belongs to somebody else\n", ub->phys);
		kfree(b);
		return -EBUSY;
	}
	b->map.type = MEMORY_DEVICE_GENERIC;
	b->map.nr_range = 1;
	b->map.range.start = ub->phys;
	b->map.range.end = ub->phys + (ub->nr_pages << PAGE_SHIFT) - 1;
	at = memremap_pages(&b->map, NUMA_NO_NODE);
	if (IS_ERR(at)) {
		release_mem_region(ub->phys, ub->nr_pages << PAGE_SHIFT);
		kfree(b);
		return PTR_ERR(at);
	}
	b->first = virt_to_page(at);
	ub->backing_data = b;
	return 0;
}

static void range_destroy(struct ubmem *ub)
{
	struct range_backing *b = ub->backing_data;

	memunmap_pages(&b->map);
	release_mem_region(ub->phys, ub->nr_pages << PAGE_SHIFT);
	kfree(b);
	ub->backing_data = NULL;
}

static struct page *range_page(const struct ubmem *ub, u64 nr)
{
	const struct range_backing *b = ub->backing_data;

	return b->first + nr;
}

static bool range_find(const struct ubmem *ub, const struct page *page, u64 *nr)
{
	const struct range_backing *b = ub->backing_data;

	if (page < b->first || page >= b->first + ub->nr_pages)
		return false;
	*nr = page - b->first;
	return true;
}

const struct ubmem_backing ubmem_backing_ivshmem = {
	.name = "ivshmem",
	.kept = true,
	.remote = true,
	.create = range_create,
	.destroy = range_destroy,
	.page = range_page,
	.find = range_find,
};

const struct ubmem_backing ubmem_backing_range = {
	.name = "physical",
	.kept = true,
	/* Not so the memory of an ivshmem device: that is its host's, whose caches stay. */
	.persistent = true,
	.create = range_create,
	.destroy = range_destroy,
	.page = range_page,
	.find = range_find,
};
