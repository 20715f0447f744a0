// SPDX-License-Identifier: GPL-2.0-only
/*
 * The superblock: which pool it is, where what is in it begins, and who has it in use.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/printk.h>
#include <linux/string.h>

#include "ubmem/layout.h"
#include "ubmem/super.h"
#include "ubmem/ubmem.h"

/**
 * ubmem_lost - whether another machine has taken the pool over
 * @ub: the pool
 *
 * Asked before a page is taken, and before anything is written that others read. Once it is so it stays so: the
 * other one has its own books, by which it uses what is in use by ours. What is under way when it happens, platforms
 * have to keep from the memory.
 */
bool ubmem_lost(struct ubmem *ub)
{
	if (!ub->named)
		return false;
	if (READ_ONCE(ub->lost))
		return true;
	if (ubmem_read_word(ub, offsetof(struct rmfork_super, user)) == ub->user)
		return false;
	WRITE_ONCE(ub->lost, true);
	pr_err("ubmem is another machine's now: load the module anew\n");
	return true;
}

/* What the superblock has to say. Under ub->lock. */
static void compose_super(const struct ubmem *ub, struct rmfork_super *super)
{
	*super = (struct rmfork_super){
		.magic = RMFORK_SUPER_MAGIC,
		.layout_version = RMFORK_LAYOUT_VERSION,
		.size = ub->nr_pages << PAGE_SHIFT,
		.generation = ub->generation,
		.dir_off = ub->directory << PAGE_SHIFT,
		.user = ub->user,
		.guests_off = ub->guests << PAGE_SHIFT,
	};
	memcpy(super->uuid, ub->uuid, sizeof(super->uuid));
	super->checksum = rmfork_crc(0, super, offsetof(struct rmfork_super, checksum));
}

/**
 * ubmem_write_super - bring the superblock up to date
 * @ub: the pool
 *
 * Context: under ub->lock, or before anybody else knows the pool.
 * Return: 0, or -ESTALE: the pool is another machine's now.
 */
int ubmem_write_super(struct ubmem *ub)
{
	struct rmfork_super super;

	if (ubmem_lost(ub))
		return -ESTALE;
	compose_super(ub, &super);
	ubmem_write(ub, 0, &super, sizeof(super));
	return 0;
}

/**
 * ubmem_blank - whether there never was anything in a pool
 * @ub: the pool
 */
bool ubmem_blank(const struct ubmem *ub)
{
	void *page = kmap_local_page(ub->backing->page(ub, 0));
	bool blank = !memchr_inv(page, 0, PAGE_SIZE);

	kunmap_local(page);
	return blank;
}

/* Another machine may be just writing it. */
#define SUPER_TRIES 100

static bool read_super(struct ubmem *ub, struct rmfork_super *super)
{
	int left;

	for (left = ub->guest ? SUPER_TRIES : 1;;) {
		ubmem_read(ub, 0, super, sizeof(*super));
		if (super->checksum ==
		    rmfork_crc(0, super, offsetof(struct rmfork_super, checksum)))
			return true;
		if (!--left)
			return false;
		usleep_range(1000, 2000);
	}
}

/**
 * ubmem_adopt_super - read the superblock of a pool that is there, and check it
 * @ub:	   the pool
 * @super: filled
 *
 * Return: 0, or -EBADMSG, said why.
 */
int ubmem_adopt_super(struct ubmem *ub, struct rmfork_super *super)
{
	bool whole = read_super(ub, super);

	if (super->magic != RMFORK_SUPER_MAGIC)
		return ubmem_damaged(0, "no superblock");
	if (super->layout_version != RMFORK_LAYOUT_VERSION) {
		pr_err("ubmem holds a pool of layout %u, and this module has layout %u\n",
		       super->layout_version, RMFORK_LAYOUT_VERSION);
		return -EBADMSG;
	}
	if (!whole)
		return ubmem_damaged(0, "the checksum of the superblock");
	if (super->size != ub->nr_pages << PAGE_SHIFT || !super->dir_off)
		return ubmem_damaged(0, "a superblock of a pool of another size");
	return 0;
}

/**
 * ubmem_check_super - whether the superblock is still what was written
 * @ub: the pool. What a guest can tell is whether it is sound and of the same pool
 *
 * Return: 0 or -EBADMSG.
 */
int ubmem_check_super(struct ubmem *ub)
{
	struct rmfork_super expected, found;

	if (ub->guest)
		return ubmem_adopt_super(ub, &found) ||
				       memcmp(found.uuid, ub->uuid, sizeof(ub->uuid)) ?
			       -EBADMSG : 0;
	mutex_lock(&ub->lock);
	compose_super(ub, &expected);
	ubmem_read(ub, 0, &found, sizeof(found));
	mutex_unlock(&ub->lock);
	return memcmp(&expected, &found, sizeof(found)) ? -EBADMSG : 0;
}
