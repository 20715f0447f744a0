/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_MM_H
#define HOST_LINUX_MM_H

#include <linux/types.h>

#define HPAGE_PMD_NR 512
#define PMD_SIZE (2UL << 20)
#define PTRS_PER_PTE 512

struct mm_struct;
struct vm_area_struct;
typedef struct { unsigned long pmd; } pmd_t;

struct page {
	int count;
	char data[PAGE_SIZE] __attribute__((aligned(8)));
};

/* Frame numbers: as good as any, and apart from each other. */
static inline unsigned long page_to_pfn(const struct page *page)
{
	return (unsigned long)page / sizeof(struct page);
}

static inline int page_count(const struct page *page)
{
	return page->count;
}

#endif
