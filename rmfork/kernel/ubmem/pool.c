// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of a pool, and what is known of them, from the beginning to the end.
 */
#include <linux/mm.h>
#include <linux/random.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "ubmem/pool.h"
#include "ubmem/reclaim.h"
#include "ubmem/ubmem.h"
#include "ubmem/use.h"

static int make_tables(struct ubmem *ub)
{
	u64 i;

	ub->use = vcalloc(ub->nr_pages, sizeof(*ub->use));
	ub->origin_of = vcalloc(ub->nr_pages, sizeof(*ub->origin_of));
	ub->sums = vcalloc(ub->nr_pages, sizeof(*ub->sums));
	if (!ub->use || !ub->origin_of || !ub->sums)
		return -ENOMEM;
	for (i = 0; i < RMFORK_SUPERS; i++)
		ubmem_set_use(ub, i, UBMEM_SYSTEM, 1);
	ub->free_pages = ub->nr_pages - RMFORK_SUPERS;
	return 0;
}

/**
 * ubmem_init - have the pages of a pool
 * @ub:	   filled, all pages but those of the superblocks free; backing, nr_pages (which the backing may round up), phys
 *	   and guest are set already, the rest is zero
 * @calls: of the rooms above
 *
 * What the pages hold is neither read nor written.
 *
 * Return: 0 or -errno, with nothing left behind.
 */
int ubmem_init(struct ubmem *ub, const struct ubmem_calls *calls)
{
	int ret;

	mutex_init(&ub->lock);
	xa_init(&ub->origins);
	ubmem_reclaim_init(ub);
	ub->calls = calls;
	ub->user = get_random_u64() | 1;

	ret = ub->backing->create(ub);
	if (ret)
		return ret;
	ret = make_tables(ub);
	if (ret)
		ubmem_destroy(ub);
	return ret;
}

/**
 * ubmem_destroy - undo ubmem_init()
 * @ub: a pool that nobody uses or looks at any more
 *
 * Not a word is written to it.
 */
void ubmem_destroy(struct ubmem *ub)
{
	ub->backing->destroy(ub);
	vfree(ub->use);
	vfree(ub->origin_of);
	vfree(ub->sums);
	xa_destroy(&ub->origins);
}
