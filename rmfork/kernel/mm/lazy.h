/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lazy restores: mappings that are filled when they are touched.
 *
 * Lock order: mmap_lock or anon_vma lock; rmfork_lazy.lock; page table lock.
 */
#ifndef RMFORK_MM_LAZY_H
#define RMFORK_MM_LAZY_H

#include <linux/types.h>

struct mm_struct;
struct rmfork_lazy;
struct rmfork_snapshot;
struct vm_area_struct;

/* Where that is not possible the others do nothing, and nothing is lazy. */
bool rmfork_lazy_possible(void);
void rmfork_lazy_exit(void);
void rmfork_lazy_flush(void);
struct rmfork_lazy *rmfork_lazy_begin(struct rmfork_snapshot *snap, struct mm_struct *mm);
void rmfork_lazy_end(struct rmfork_lazy *lazy);
bool rmfork_lazy_attach(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
			unsigned long end);
bool rmfork_lazy_vma(const struct vm_area_struct *vma);
int rmfork_settle(struct mm_struct *mm);

#endif /* RMFORK_MM_LAZY_H */
