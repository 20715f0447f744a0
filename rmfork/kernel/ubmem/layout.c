// SPDX-License-Identifier: GPL-2.0-only
/*
 * Reading and writing what lies in ubmem, and what may be said of it: offsets, checksums, damage.
 */
#define pr_fmt(fmt) "rmfork: " fmt

#include <linux/atomic.h>
#include <linux/crc32.h>
#include <linux/highmem.h>
#include <linux/libnvdimm.h>
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

/*
 * Sends what was written to part of a page on its way from the caches to memory, where the caches may be lost; it is
 * there with the next ubmem_barrier().
 */
static void flush(const struct ubmem *ub, struct page *page, size_t at, size_t len)
{
	void *data;

	if (!ub->backing->persistent)
		return;
	data = kmap_local_page(page);
	arch_wb_cache_pmem(data + at, len);
	kunmap_local(data);
}

/**
 * ubmem_flush_page - flush a page that was written to by other means than those here
 * @ub: the pool
 * @nr: number of the page
 */
void ubmem_flush_page(const struct ubmem *ub, u64 nr)
{
	flush(ub, ub->backing->page(ub, nr), 0, PAGE_SIZE);
}

/**
 * ubmem_barrier - what was written before is there before anything that is written after
 * @ub: the pool
 *
 * So it is to other machines, and to whoever finds the pool when this one has gone down: also if that took its caches
 * away.
 */
void ubmem_barrier(const struct ubmem *ub)
{
	/* Against the virt_rmb() of guests. */
	virt_wmb();
	if (ub->backing->persistent)
		pmem_wmb();
}

/**
 * ubmem_clear - fill a page with zeros
 * @ub: the pool
 * @nr: number of the page
 */
void ubmem_clear(const struct ubmem *ub, u64 nr)
{
	clear_highpage(ub->backing->page(ub, nr));
	ubmem_flush_page(ub, nr);
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
	flush(ub, ubmem_page(ub, off), offset_in_page(off), len);
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
	flush(ub, ubmem_page(ub, off), offset_in_page(off), sizeof(word));
}

/**
 * ubmem_swap_word - write a word for which another machine may compete
 * @ub:	  the pool
 * @off:  offset, a multiple of 8
 * @from: what is written over
 * @to:	  the word
 *
 * Return: whether @from was there.
 */
bool ubmem_swap_word(const struct ubmem *ub, u64 off, u64 from, u64 to)
{
	u64 *at = kmap_local_page(ubmem_page(ub, off)) + offset_in_page(off);
	bool ours = sync_cmpxchg(at, from, to) == from;

	kunmap_local(at);
	flush(ub, ubmem_page(ub, off), offset_in_page(off), sizeof(to));
	return ours;
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
 * ubmem_off_ok - whether an offset, from whoever, is one of a page, and not of a superblock
 * @ub:	 the pool
 * @off: the offset
 */
bool ubmem_off_ok(const struct ubmem *ub, u64 off)
{
	return !offset_in_page(off) && off >> PAGE_SHIFT >= RMFORK_SUPERS && off >> PAGE_SHIFT < ub->nr_pages;
}
