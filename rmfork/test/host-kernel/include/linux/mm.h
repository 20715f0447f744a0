/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_MM_H
#define HOST_LINUX_MM_H

#include <linux/types.h>

struct mm_struct;
struct vm_area_struct;
typedef struct { unsigned long pmd; } pmd_t;

struct page {
	int count;
	char data[PAGE_SIZE];
};

static inline int page_count(const struct page *page)
{
	return page->count;
}

#endif
