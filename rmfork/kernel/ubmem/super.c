// SPDX-License-Identifier: GPL-2.0-only
/*
 * The superblocks: which pool it is, where what is in it begins, and who has it in use.
 *
 * There are two, written in turn, so that one is whole at any time, whenever the machine goes down.
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
 * ubmem_user - who has a pool in use, by its own word
 * @ub: the pool, of whatever layout
 *
 * Return: what was drawn by who has it; 0: nobody has.
 */
u64 ubmem_user(const struct ubmem *ub)
{
	return ubmem_read_word(ub, offsetof(struct rmfork_super, user));
}

/**
 * ubmem_swap_user - say in a pool who has it in use, unless another machine just did
 * @ub:	  the pool
 * @from: what it says, as far as is known
 * @to:	  drawn by the one that has it, or 0
 *
 * Return: whether @from was there still.
 */
bool ubmem_swap_user(const struct ubmem *ub, u64 from, u64 to)
{
	bool ours = ubmem_swap_word(ub, offsetof(struct rmfork_super, user), from, to);

	ubmem_barrier(ub);
	return ours;
}

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
	if (ubmem_user(ub) == ub->user)
		return false;
	WRITE_ONCE(ub->lost, true);
	pr_err("ubmem is another machine's now: load the module anew\n");
	return true;
}

/* @user is left out: it is written by itself. */
static u32 super_crc(const struct rmfork_super *super)
{
	const size_t behind = offsetofend(struct rmfork_super, user);
	u32 crc = rmfork_crc(0, super, offsetof(struct rmfork_super, user));

	return rmfork_crc(crc, (const u8 *)super + behind, offsetof(struct rmfork_super, checksum) - behind);
}

/* What superblock number @which has to say. Under ub->lock. */
static void compose_super(const struct ubmem *ub, u64 which, struct rmfork_super *super)
{
	bool newest = ub->sequence % RMFORK_SUPERS == which;

	*super = (struct rmfork_super){
		.magic = RMFORK_SUPER_MAGIC,
		.layout_version = RMFORK_LAYOUT_VERSION,
		.size = ub->nr_pages << PAGE_SHIFT,
		.generation = ub->said[which],
		.dir_off = ub->directory << PAGE_SHIFT,
		.user = which ? 0 : ub->user,
		.guests_off = ub->guests << PAGE_SHIFT,
		.sequence = newest ? ub->sequence : ub->sequence - 1,
	};
	memcpy(super->uuid, ub->uuid, sizeof(super->uuid));
	super->checksum = super_crc(super);
}

/**
 * ubmem_write_super - bring the superblocks up to date, by writing the one that was not written last
 * @ub: the pool
 *
 * Context: under ub->lock, or before anybody else knows the pool.
 * Return: 0, or -ESTALE: the pool is another machine's now.
 */
int ubmem_write_super(struct ubmem *ub)
{
	const size_t begin = offsetof(struct rmfork_super, layout_version);
	const size_t user = offsetof(struct rmfork_super, user);
	const size_t behind = offsetofend(struct rmfork_super, user);
	struct rmfork_super super;
	u64 which, off;

	if (ubmem_lost(ub))
		return -ESTALE;
	which = ++ub->sequence % RMFORK_SUPERS;
	off = which << PAGE_SHIFT;
	ub->said[which] = ub->generation;
	compose_super(ub, which, &super);
	ubmem_write(ub, off + begin, (const u8 *)&super + begin, user - begin);
	/* In the first it is left alone: another machine may be just taking the pool. */
	if (which)
		ubmem_write_word(ub, off + user, 0);
	ubmem_write(ub, off + behind, (const u8 *)&super + behind, sizeof(super) - behind);
	/* Where a pool is made, it is there with the magic number of the first. */
	ubmem_barrier(ub);
	ubmem_write_word(ub, off, super.magic);
	ubmem_barrier(ub);
	return 0;
}

/**
 * ubmem_begin_format - say in a pool that nothing of what is there counts
 * @ub: the pool; it says already that we have it in use
 *
 * Until ubmem_end_format() whoever finds it makes it anew.
 */
void ubmem_begin_format(struct ubmem *ub)
{
	ubmem_write_word(ub, 0, RMFORK_FORMAT_MAGIC);
	ubmem_barrier(ub);
	ubmem_clear(ub, 1);
}

/**
 * ubmem_end_format - write the superblocks of a pool in which all else is there
 * @ub: the pool; nobody else knows it
 */
void ubmem_end_format(struct ubmem *ub)
{
	/* The second, then the first. */
	ubmem_write_super(ub);
	ubmem_write_super(ub);
}

/**
 * ubmem_blank - whether there never was anything in a pool, or it was not made to the end
 * @ub: the pool, which may say already who has it in use
 */
bool ubmem_blank(const struct ubmem *ub)
{
	const size_t user = offsetof(struct rmfork_super, user);
	const size_t behind = offsetofend(struct rmfork_super, user);
	void *page = kmap_local_page(ub->backing->page(ub, 0));
	bool blank = READ_ONCE(*(u64 *)page) == RMFORK_FORMAT_MAGIC ||
		     (!memchr_inv(page, 0, user) && !memchr_inv(page + behind, 0, PAGE_SIZE - behind));

	kunmap_local(page);
	return blank;
}

/* Whether superblock number @which is one that was written to the end. */
static bool read_whole(const struct ubmem *ub, u64 which, struct rmfork_super *super)
{
	ubmem_read(ub, which << PAGE_SHIFT, super, sizeof(*super));
	return super->magic == RMFORK_SUPER_MAGIC && super->layout_version == RMFORK_LAYOUT_VERSION &&
	       super->sequence % RMFORK_SUPERS == which && super->checksum == super_crc(super);
}

/* How many are whole; then @super is the newest. */
static int read_newest(const struct ubmem *ub, struct rmfork_super *super)
{
	struct rmfork_super second;
	int whole = read_whole(ub, 0, super);

	if (!read_whole(ub, 1, &second))
		return whole;
	if (!whole || second.sequence > super->sequence)
		*super = second;
	return whole + 1;
}

/* Another machine may be just writing one. */
#define SUPER_TRIES 100

static int read_supers(const struct ubmem *ub, int wanted, struct rmfork_super *super)
{
	int whole, left;

	for (left = ub->guest ? SUPER_TRIES : 1;;) {
		whole = read_newest(ub, super);
		if (whole >= wanted || !--left)
			return whole;
		usleep_range(1000, 2000);
	}
}

/**
 * ubmem_adopt_super - read the superblock of a pool that is there, and check it
 * @ub:	   the pool
 * @super: filled. In an owner the generation and what is known of the superblocks are set besides
 *
 * Return: 0, or -EBADMSG, said why.
 */
int ubmem_adopt_super(struct ubmem *ub, struct rmfork_super *super)
{
	int whole;

	/* What the first page says of itself counts: behind one of another layout may lie what is left of ours. */
	ubmem_read(ub, 0, super, sizeof(*super));
	if (super->magic != RMFORK_SUPER_MAGIC)
		return ubmem_damaged(0, "no superblock");
	if (super->layout_version != RMFORK_LAYOUT_VERSION) {
		pr_err("ubmem holds a pool of layout %u, and this module has layout %u\n",
		       super->layout_version, RMFORK_LAYOUT_VERSION);
		return -EBADMSG;
	}
	whole = read_supers(ub, 1, super);
	if (!whole)
		return ubmem_damaged(0, "the checksums of both superblocks");
	if (super->size != ub->nr_pages << PAGE_SHIFT || !super->dir_off)
		return ubmem_damaged(0, "a superblock of a pool of another size");
	if (ub->guest)
		return 0;
	ub->sequence = super->sequence;
	ub->said[super->sequence % RMFORK_SUPERS] = super->generation;
	/* Should the other one have been the newer, its number is not given again. */
	ub->generation = super->generation + (whole < RMFORK_SUPERS);
	return 0;
}

/**
 * ubmem_check_super - whether the superblocks are still what was written
 * @ub: the pool. What a guest can tell is whether they are sound and of the same pool
 *
 * Return: 0 or -EBADMSG.
 */
int ubmem_check_super(struct ubmem *ub)
{
	struct rmfork_super expected, found;
	bool same = true;
	u64 i;

	if (ub->guest)
		return ubmem_adopt_super(ub, &found) || memcmp(found.uuid, ub->uuid, sizeof(ub->uuid)) ||
				       read_supers(ub, RMFORK_SUPERS, &found) < RMFORK_SUPERS ?
			       -EBADMSG : 0;
	mutex_lock(&ub->lock);
	for (i = 0; i < RMFORK_SUPERS; i++) {
		compose_super(ub, i, &expected);
		ubmem_read(ub, i << PAGE_SHIFT, &found, sizeof(found));
		same = same && !memcmp(&expected, &found, sizeof(found));
	}
	mutex_unlock(&ub->lock);
	return same ? 0 : -EBADMSG;
}
