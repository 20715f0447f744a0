/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Entering the pages of one snapshot by several processors.
 */
#ifndef RMFORK_MM_INSERT_H
#define RMFORK_MM_INSERT_H

#include <linux/types.h>

struct mm_struct;
struct rmfork_insert;
struct ubmem;
struct vm_area_struct;

struct rmfork_insert *rmfork_insert_alloc(struct ubmem *ub, struct mm_struct *mm, u64 nr_pages);
bool rmfork_insert_wants(const struct rmfork_insert *ins, struct vm_area_struct *vma,
			 unsigned long nr);
void rmfork_insert_add(struct rmfork_insert *ins, struct vm_area_struct *vma, unsigned long addr,
		       unsigned long nr, u64 data_off);
int rmfork_insert_run(struct rmfork_insert *ins);
void rmfork_insert_free(struct rmfork_insert *ins);

#endif /* RMFORK_MM_INSERT_H */
