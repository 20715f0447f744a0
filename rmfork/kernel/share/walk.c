// SPDX-License-Identifier: GPL-2.0-only
/*
 * The directory, as a guest sees it: its owner may be just changing it.
 */
#include <linux/delay.h>
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "share/pins.h"
#include "share/sharing.h"
#include "share/walk.h"
#include "snapshot/header.h"
#include "ubmem/layout.h"
#include "ubmem/super.h"
#include "ubmem/ubmem.h"

static bool is_block(struct ubmem *ub, u64 off)
{
	u32 magic;

	ubmem_read(ub, off + offsetof(struct rmfork_dir_block, magic), &magic, sizeof(magic));
	return magic == RMFORK_DIR_MAGIC;
}

/* False if it is none, or was given up while it was read: then it may be anything. */
static bool read_block(struct ubmem *ub, u64 off, struct rmfork_dir_block *dir)
{
	u64 at = off + offsetof(struct rmfork_dir_block, slots);
	u32 i;

	if (!is_block(ub, off))
		return false;
	dir->next = ubmem_read_word(ub, off + offsetof(struct rmfork_dir_block, next));
	for (i = 0; i < RMFORK_DIR_SLOTS; i++)
		dir->slots[i] = ubmem_read_word(ub, at + i * sizeof(dir->slots[0]));
	/* Only then: whether it still is one, of which these are the slots. */
	virt_rmb();
	return is_block(ub, off);
}

/* -EAGAIN: it is not what it should be. */
static int walk_once(struct ubmem *ub, struct rmfork_dir_block *dir, rmfork_named_fn fn, void *arg)
{
	/* A block is added when all places are taken, and who has a place has a page at least. */
	u64 off, i, blocks, most = DIV_ROUND_UP(ub->nr_pages, RMFORK_DIR_SLOTS);
	struct rmfork_super super;
	int ret;

	ret = ubmem_adopt_super(ub, &super);
	if (ret)
		return ret;
	if (memcmp(super.uuid, ub->uuid, sizeof(ub->uuid)))
		return -ESTALE;
	fn(0, arg);
	for (off = super.dir_off, blocks = 0; off; off = dir->next, blocks++) {
		if (fatal_signal_pending(current))
			return -EINTR;
		if (blocks == most)
			return ubmem_damaged(off, "the length of the directory");
		if (!ubmem_off_ok(ub, off) || !read_block(ub, off, dir))
			return -EAGAIN;
		for (i = 0; i < RMFORK_DIR_SLOTS; i++) {
			ret = dir->slots[i] ? fn(dir->slots[i], arg) : 0;
			if (ret)
				return ret;
		}
		cond_resched();
	}
	return 0;
}

/**
 * rmfork_walk - call a function for each snapshot that the directory names
 * @ub:	 the pool
 * @fn:	 what is not 0 ends the walk and is its result. Called with an offset of 0 when the walk begins,
 *	 perhaps anew
 * @arg: for @fn
 *
 * Return: 0, what @fn returned, -EBADMSG, said why; -ESTALE: it is another pool; -ENOMEM or -EINTR.
 */
int rmfork_walk(struct ubmem *ub, rmfork_named_fn fn, void *arg)
{
	struct rmfork_dir_block *dir = kmalloc(sizeof(*dir), GFP_KERNEL);
	int ret, left = RMFORK_WALK_TRIES;

	if (!dir)
		return -ENOMEM;
	while ((ret = walk_once(ub, dir, fn, arg)) == -EAGAIN && --left)
		usleep_range(1000, 2000);
	kfree(dir);
	return ret == -EAGAIN ? ubmem_damaged(0, "the directory") : ret;
}

/**
 * rmfork_guest_attached - whether our block is ours, and the pool the one that we know
 * @ub: the pool
 *
 * Return: 0 or -ESTALE.
 */
int rmfork_guest_attached(struct ubmem *ub)
{
	struct rmfork_guest_block *block = ubmem_guest_map(ub, ub->sharing->guest_slot);
	bool ours = READ_ONCE(block->user) == ub->user;

	kunmap_local(block);
	return ours ? 0 : -ESTALE;
}

/* Reads a header; false if it is none that is published. */
static bool read_header(struct ubmem *ub, u64 meta_off, struct rmfork_snapshot_header *header)
{
	if (!ubmem_off_ok(ub, meta_off))
		return false;
	ubmem_read(ub, meta_off, header, sizeof(*header));
	return header->magic == RMFORK_SNAPSHOT_MAGIC &&
	       header->checksum == rmfork_header_crc(header) &&
	       !memcmp(header->uuid, ub->uuid, sizeof(ub->uuid));
}

struct search {
	struct ubmem *ub;
	u64 above;
	u64 meta_off;
	struct rmfork_snapshot_header header;
	struct rmfork_snapshot_header best;
};

static int look_for_next(u64 meta_off, void *arg)
{
	struct search *search = arg;

	if (!meta_off)
		search->meta_off = 0;
	if (!read_header(search->ub, meta_off, &search->header) ||
	    search->header.generation <= search->above ||
	    (search->meta_off && search->header.generation >= search->best.generation))
		return 0;
	search->meta_off = meta_off;
	search->best = search->header;
	return 0;
}

/**
 * rmfork_guest_next - the oldest snapshot above a generation
 * @ub:		the pool
 * @generation: the generation, from whoever
 * @header:	set to its header
 * @meta_off:	set to where that lies
 *
 * Those whose header is damaged are passed over: VERIFY names them.
 *
 * Return: 0, -ENOENT, -EBADMSG, -ENOMEM, -EINTR; -ESTALE: we are not attached any more.
 */
int rmfork_guest_next(struct ubmem *ub, u64 generation, struct rmfork_snapshot_header *header,
		      u64 *meta_off)
{
	struct search *search = kzalloc(sizeof(*search), GFP_KERNEL);
	int ret;

	if (!search)
		return -ENOMEM;
	search->ub = ub;
	search->above = generation;
	ret = rmfork_guest_attached(ub);
	if (!ret)
		ret = rmfork_walk(ub, look_for_next, search);
	if (!ret && !search->meta_off)
		ret = -ENOENT;
	*header = search->best;
	*meta_off = search->meta_off;
	kfree(search);
	return ret;
}

static int check_one(u64 meta_off, void *arg)
{
	const struct ubmem *ub = arg;

	return meta_off && !ubmem_off_ok(ub, meta_off) ? -EBADMSG : 0;
}

/**
 * rmfork_guest_check - whether the directory can be one
 * @ub: the pool
 *
 * Return: 0, -EBADMSG, -ENOMEM, -EINTR; -ESTALE: we are not attached any more.
 */
int rmfork_guest_check(struct ubmem *ub)
{
	int ret = rmfork_guest_attached(ub);

	return ret ? ret : rmfork_walk(ub, check_one, ub);
}

static int count_one(u64 meta_off, void *arg)
{
	u64 *count = arg;

	*count = meta_off ? *count + 1 : 0;
	return 0;
}

/**
 * rmfork_guest_count - what the pool says of itself
 * @ub:		the pool
 * @generation: set to that of the newest snapshot
 * @snapshots:	set to how many the directory names
 *
 * Return: 0, -EBADMSG, -ESTALE, -ENOMEM or -EINTR.
 */
int rmfork_guest_count(struct ubmem *ub, u64 *generation, u64 *snapshots)
{
	struct rmfork_super super;
	int ret;

	ret = ubmem_adopt_super(ub, &super);
	if (ret)
		return ret;
	*generation = super.generation;
	return rmfork_walk(ub, count_one, snapshots);
}
