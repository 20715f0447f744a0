/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A batch of pages of a task, on the way into ubmem.
 */
#ifndef RMFORK_MM_STORE_H
#define RMFORK_MM_STORE_H

#include <linux/mm.h>

struct rmfork_snapshot;

/**
 * struct rmfork_batch - pages under one page table, on their way into ubmem
 * @snap:  whose they will be
 * @nr:	   how many there are
 * @huge:  they are the whole of a huge page, unless some are left out
 * @pages: each with a reference, by ascending address
 */
struct rmfork_batch {
	struct rmfork_snapshot *snap;
	unsigned int nr;
	bool huge;
	struct {
		unsigned long addr;
		struct page *page;
	} pages[PTRS_PER_PTE];
};

void rmfork_batch_add(struct rmfork_batch *b, unsigned long addr, struct page *page);
void rmfork_batch_drop(struct rmfork_batch *b);
int rmfork_batch_store(struct rmfork_batch *b, bool zeros_implied);

#endif /* RMFORK_MM_STORE_H */
