// SPDX-License-Identifier: GPL-2.0-only
/*
 * What lies in ubmem: the superblock and the headers of snapshots.
 */
#include <linux/crc32.h>
#include <linux/highmem.h>
#include <linux/string.h>

#include "rmfork-module.h"

/**
 * rmfork_crc - crc32c of some bytes
 * @seed: 0, or the result for the bytes before
 * @data: the bytes
 * @len:  their number
 *
 * Return: the checksum as ubmem keeps it.
 */
u32 rmfork_crc(u32 seed, const void *data, size_t len)
{
	return ~__crc32c_le(~seed, data, len);
}

/**
 * ubmem_read - copy bytes out of ubmem
 * @ub:  the pool
 * @off: offset; the bytes must not cross a page and must lie in the pool
 * @to:  where to
 * @len: bytes
 */
void ubmem_read(const struct ubmem *ub, u64 off, void *to, size_t len)
{
	memcpy_from_page(to, ubmem_page(ub, off), offset_in_page(off), len);
}

/**
 * ubmem_write - copy bytes into ubmem
 * @ub:   the pool
 * @off:  offset; the bytes must not cross a page and must lie in the pool
 * @from: where from
 * @len:  bytes
 */
void ubmem_write(const struct ubmem *ub, u64 off, const void *from, size_t len)
{
	memcpy_to_page(ubmem_page(ub, off), offset_in_page(off), from, len);
}

/**
 * ubmem_read_word - read a word that another machine may be just writing
 * @ub:  the pool
 * @off: offset, a multiple of 8
 *
 * Return: the word, as it was before or after.
 */
u64 ubmem_read_word(const struct ubmem *ub, u64 off)
{
	u64 *at = kmap_local_page(ubmem_page(ub, off)) + offset_in_page(off);
	u64 word = READ_ONCE(*at);

	kunmap_local(at);
	return word;
}

/**
 * ubmem_write_word - write a word that another machine may be just reading
 * @ub:   the pool
 * @off:  offset, a multiple of 8
 * @word: the word
 */
void ubmem_write_word(const struct ubmem *ub, u64 off, u64 word)
{
	u64 *at = kmap_local_page(ubmem_page(ub, off)) + offset_in_page(off);

	WRITE_ONCE(*at, word);
	kunmap_local(at);
}

/* What the superblock has to say. Under ub->lock. */
static void compose_super(const struct ubmem *ub, struct rmfork_super *super)
{
	*super = (struct rmfork_super){
		.magic = RMFORK_SUPER_MAGIC,
		.layout_version = RMFORK_LAYOUT_VERSION,
		.size = ub->nr_pages << PAGE_SHIFT,
		.generation = ub->generation,
		.dir_off = ub->dir_blocks[0] << PAGE_SHIFT,
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
	smp_wmb();
	ubmem_write_word(snap->ub, snap->meta_off, header->magic);
}

/**
 * rmfork_header_retract - make a snapshot invisible in ubmem
 * @snap: taken off the list; its pages are reused once nobody, and no guest, uses it any more
 */
void rmfork_header_retract(struct rmfork_snapshot *snap)
{
	struct rmfork_snapshot_header *header = &snap->header;
	u32 state = RMFORK_STATE_FREED;

	if (ubmem_lost(snap->ub))
		return;
	ubmem_write_word(snap->ub, snap->meta_off, 0);
	/* Not to be taken for a valid one once its pages change. */
	smp_wmb();
	ubmem_write(snap->ub, snap->meta_off + offsetof(typeof(*header), state), &state,
		    sizeof(state));
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
