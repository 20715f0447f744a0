// SPDX-License-Identifier: GPL-2.0-only
/*
 * The header of a snapshot: by it whoever looks into ubmem tells that there is one, and what it is.
 */
#include <linux/mm.h>
#include <linux/string.h>

#include "snapshot/header.h"
#include "snapshot/snapshot.h"
#include "ubmem/layout.h"
#include "ubmem/super.h"
#include "ubmem/ubmem.h"

/**
 * rmfork_header_crc - the checksum a header should have
 * @header: the header
 */
u32 rmfork_header_crc(const struct rmfork_snapshot_header *header)
{
	return rmfork_crc(0, header, offsetof(struct rmfork_snapshot_header, checksum));
}

/**
 * rmfork_header_publish - write a snapshot's header, its magic last
 * @snap: complete but for the header in ubmem
 */
void rmfork_header_publish(struct rmfork_snapshot *snap)
{
	struct rmfork_snapshot_header *header = &snap->header;
	struct rmfork_snapshot_header hidden;

	header->magic = RMFORK_SNAPSHOT_MAGIC;
	header->layout_version = RMFORK_LAYOUT_VERSION;
	header->state = RMFORK_STATE_VALID;
	memcpy(header->uuid, snap->ub->uuid, sizeof(header->uuid));
	header->checksum = rmfork_header_crc(header);

	hidden = *header;
	hidden.magic = 0;
	ubmem_write(snap->ub, snap->meta_off, &hidden, sizeof(hidden));
	/* Whoever sees the magic sees the pages, the index and the rest of the header. */
	virt_wmb();
	ubmem_write_word(snap->ub, snap->meta_off, header->magic);
	/* All of it is there before the directory names it, which may be by another processor. */
	ubmem_barrier(snap->ub);
}

/**
 * rmfork_header_retract - make a snapshot invisible in ubmem
 * @snap: being freed; before the directory names it no more. Its pages are reused once nobody, and no guest, uses it
 *	  any more
 */
void rmfork_header_retract(struct rmfork_snapshot *snap)
{
	struct rmfork_snapshot_header *header = &snap->header;
	u32 state = RMFORK_STATE_FREED;

	if (ubmem_lost(snap->ub))
		return;
	ubmem_write_word(snap->ub, snap->meta_off, 0);
	/* Not to be taken for a valid one once its pages change. */
	ubmem_barrier(snap->ub);
	ubmem_write(snap->ub, snap->meta_off + offsetof(typeof(*header), state), &state,
		    sizeof(state));
	ubmem_barrier(snap->ub);
}

/**
 * rmfork_header_retracted - whether a header that was read from ubmem is one of this pool, but retracted
 * @snap: with the header
 */
bool rmfork_header_retracted(struct rmfork_snapshot *snap)
{
	const struct rmfork_snapshot_header said = snap->header;
	bool sound;

	if (said.magic)
		return false;
	snap->header.magic = RMFORK_SNAPSHOT_MAGIC;
	snap->header.state = RMFORK_STATE_VALID;
	sound = !rmfork_header_fault(snap);
	snap->header = said;
	return sound;
}

/**
 * rmfork_snapshot_freed - whether a snapshot is freed, and there only for those who use it still
 * @snap: the caller has a reference
 *
 * Context: in the owner takes ub->lock.
 */
bool rmfork_snapshot_freed(const struct rmfork_snapshot *snap)
{
	struct ubmem *ub = snap->ub;
	bool freed;

	if (ub->guest)
		return !ubmem_read_word(ub, snap->meta_off); /* the magic */
	mutex_lock(&ub->lock);
	freed = snap->freed;
	mutex_unlock(&ub->lock);
	return freed;
}

/**
 * rmfork_header_check - whether the header in ubmem is still what was published
 * @snap: the caller has a reference
 *
 * Context: may take ub->lock.
 * Return: 0, -EBADMSG, or -ENOENT if the snapshot was freed since the caller has it.
 */
int rmfork_header_check(struct rmfork_snapshot *snap)
{
	struct rmfork_snapshot_header header;

	ubmem_read(snap->ub, snap->meta_off, &header, sizeof(header));
	if (header.magic != RMFORK_SNAPSHOT_MAGIC ||
	    header.layout_version != RMFORK_LAYOUT_VERSION ||
	    header.state != RMFORK_STATE_VALID ||
	    header.checksum != rmfork_header_crc(&header) ||
	    memcmp(&header, &snap->header, sizeof(header)))
		return rmfork_snapshot_freed(snap) ? -ENOENT : -EBADMSG;
	return 0;
}

/**
 * rmfork_header_fault - why a header that was read from ubmem can be none of this pool
 * @snap: with the header
 *
 * Return: the reason, or NULL if it can.
 */
const char *rmfork_header_fault(const struct rmfork_snapshot *snap)
{
	const struct rmfork_snapshot_header *header = &snap->header;

	if (header->magic != RMFORK_SNAPSHOT_MAGIC ||
	    header->layout_version != RMFORK_LAYOUT_VERSION ||
	    header->state != RMFORK_STATE_VALID)
		return "no snapshot, though the directory names one";
	if (header->checksum != rmfork_header_crc(header))
		return "the checksum of a header";
	if (memcmp(header->uuid, snap->ub->uuid, sizeof(header->uuid)) ||
	    header->generation > snap->ub->generation || !header->generation)
		return "a header of another pool";
	/* Whoever dumps keeps to it (mm/store.c), and whoever restores or adopts has an end in sight. */
	if (header->page_count > snap->ub->nr_pages || header->range_count > header->page_count ||
	    header->range_count > snap->ub->nr_pages * RMFORK_INDEX_BLOCK_RANGES)
		return "the counts of a header";
	return NULL;
}

/**
 * rmfork_damaged - as ubmem_damaged(), for what belongs to a snapshot
 * @snap: the snapshot. Of one that is freed nothing is said: only a guest's pin names it, which may be
 *	  just being dropped
 * @off:  offset in ubmem
 * @what: what is wrong there
 *
 * Return: -EBADMSG.
 */
int rmfork_damaged(const struct rmfork_snapshot *snap, u64 off, const char *what)
{
	return snap->freed ? -EBADMSG : ubmem_damaged(off, what);
}
