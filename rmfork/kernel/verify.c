// SPDX-License-Identifier: GPL-2.0-only
/*
 * VERIFY: whether ubmem still holds what was written.
 */
#include <linux/mm.h>

#include "reply.h"
#include "share/walk.h"
#include "snapshot/directory.h"
#include "snapshot/header.h"
#include "snapshot/index.h"
#include "snapshot/snapshot.h"
#include "snapshot/sums.h"
#include "ubmem/layout.h"
#include "ubmem/super.h"
#include "ubmem/ubmem.h"
#include "verify.h"

static int found(struct rmfork_damage *damage, u32 what, int ret)
{
	if (ret == -EBADMSG)
		damage->what = what;
	return ret;
}

static int verify_pool(struct ubmem *ub, struct rmfork_damage *damage)
{
	int ret;

	ret = found(damage, RMFORK_DAMAGE_SUPER, ubmem_check_super(ub));
	if (ret)
		return ret;
	return found(damage, RMFORK_DAMAGE_DIRECTORY,
		     ub->guest ? rmfork_guest_check(ub) : ubmem_dir_check(ub));
}

static int verify_snapshot(struct rmfork_snapshot *snap, struct rmfork_damage *damage)
{
	int ret;

	ret = found(damage, RMFORK_DAMAGE_HEADER, rmfork_header_check(snap));
	if (!ret)
		ret = found(damage, RMFORK_DAMAGE_INDEX, rmfork_index_check(snap));
	if (!ret)
		ret = found(damage, RMFORK_DAMAGE_SUMS, rmfork_sums_check(snap));
	if (!ret)
		ret = rmfork_sums_check_pages(snap, damage);
	if (ret)
		return ret;
	return damage->pages ? found(damage, RMFORK_DAMAGE_PAGES, -EBADMSG) : 0;
}

/*
 * What is wrong with a snapshot that a guest did not get, though superblock and directory are well. The checksums of
 * its pages are read with the index.
 */
static u32 refused(struct ubmem *ub, u64 meta_off)
{
	struct rmfork_snapshot_header header;

	if (!ubmem_off_ok(ub, meta_off))
		return RMFORK_DAMAGE_DIRECTORY;
	ubmem_read(ub, meta_off, &header, sizeof(header));
	if (header.magic != RMFORK_SNAPSHOT_MAGIC ||
	    header.layout_version != RMFORK_LAYOUT_VERSION ||
	    header.state != RMFORK_STATE_VALID ||
	    header.checksum != rmfork_header_crc(&header) ||
	    memcmp(header.uuid, ub->uuid, sizeof(ub->uuid)))
		return RMFORK_DAMAGE_HEADER;
	return RMFORK_DAMAGE_INDEX;
}

static int verify(struct ubmem *ub, u64 meta_off, struct rmfork_damage *damage)
{
	struct rmfork_snapshot *snap;
	int ret;

	/* First, as a guest finds the snapshot by these. */
	ret = verify_pool(ub, damage);
	if (ret || !meta_off)
		return ret;
	snap = rmfork_snapshot_get(ub, meta_off);
	if (IS_ERR(snap))
		return found(damage, refused(ub, meta_off), PTR_ERR(snap));
	ret = verify_snapshot(snap, damage);
	rmfork_snapshot_put(snap);
	return ret;
}

/**
 * rmfork_verify - VERIFY
 * @ub:	   the pool
 * @kargs: pa says which snapshot, or 0; va and nr_iovs what to fill, or nothing
 *
 * Return: 0, -ENOENT, -EBADMSG, -ENOMEM, -EINTR, -EINVAL or -EFAULT; in a guest those of rmfork_guest_get() too.
 */
long rmfork_verify(struct ubmem *ub, const struct rmfork_kargs *kargs)
{
	struct rmfork_damage damage = { .size = sizeof(damage) };
	int ret;

	if (!kargs->va != !kargs->nr_iovs ||
	    (kargs->va && !rmfork_size_ok(kargs->nr_iovs, RMFORK_DAMAGE_SIZE_V1)))
		return -EINVAL;
	ret = verify(ub, kargs->pa, &damage);
	if ((!ret || ret == -EBADMSG) && kargs->va &&
	    rmfork_fill_user(kargs, &damage, sizeof(damage)))
		return -EFAULT;
	return ret;
}
