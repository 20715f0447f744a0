/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_HIGHMEM_H
#define HOST_LINUX_HIGHMEM_H
#include <linux/mm.h>
#define kmap_local_page(page) ((void *)(page)->data)
#define kunmap_local(p) ((void)(p))
static inline void clear_highpage(struct page *page)
{
	memset(page->data, 0, PAGE_SIZE);
	host_stored(page->data, PAGE_SIZE);
}
static inline const void *memchr_inv(const void *at, int c, size_t len)
{
	const char *p = (const char *)at;
	for (; len; len--, p++)
		if (*p != (char)c)
			return p;
	return NULL;
}
static inline void memcpy_from_page(void *to, struct page *page, size_t at, size_t len)
{
	host_reads(page);
	host_warn_on(at + len > PAGE_SIZE);
	memcpy(to, page->data + at, len);
}
static inline void memcpy_to_page(struct page *page, size_t at, const void *from, size_t len)
{
	host_warn_on(at + len > PAGE_SIZE);
	memcpy(page->data + at, from, len);
	host_stored(page->data + at, len);
}
#endif
