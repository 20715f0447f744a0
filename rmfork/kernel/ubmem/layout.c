// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and writing what lies in ubmem, and what may be said of it: offsets, checksums, damage.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/crc32.h>
#include <linux/highmem.h>
#include <linux/printk.h>

#include "ubmem/layout.h"
#include "ubmem/ubmem.h"

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

/**
 * ubmem_damaged - say what is wrong, and where
 * @off:  offset in ubmem
 * @what: what is wrong there
 *
 * Return: -EBADMSG.
 */
int ubmem_damaged(u64 off, const char *what)
{
	pr_err("ubmem is damaged at %#llx: %s\n", off, what);
	return -EBADMSG;
}

/**
 * ubmem_off_ok - whether an offset, from whoever, is one of a page, and not of the superblock
 * @ub:	 the pool
 * @off: the offset
 */
bool ubmem_off_ok(const struct ubmem *ub, u64 off)
{
	return off && !offset_in_page(off) && off >> PAGE_SHIFT < ub->nr_pages;
}
