/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Lazy restores: mappings that are filled when they are touched.
 *
 * Lock order: mmap_lock or anon_vma lock; rmfork_lazy.lock; page table lock.
 */
#ifndef RMFORK_MM_LAZY_H
#define RMFORK_MM_LAZY_H

#include <linux/err.h>
#include <linux/types.h>

struct mm_struct;
struct rmfork_lazy;
struct rmfork_snapshot;
struct vm_area_struct;

#ifdef CONFIG_MMU_NOTIFIER
void rmfork_lazy_exit(void);
void rmfork_lazy_flush(void);
struct rmfork_lazy *rmfork_lazy_begin(struct rmfork_snapshot *snap, struct mm_struct *mm);
void rmfork_lazy_end(struct rmfork_lazy *lazy);
bool rmfork_lazy_attach(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
			unsigned long end);
bool rmfork_lazy_vma(const struct vm_area_struct *vma);
int rmfork_settle(struct mm_struct *mm);
#else
static inline void rmfork_lazy_exit(void)
{
}

static inline void rmfork_lazy_flush(void)
{
}

static inline struct rmfork_lazy *rmfork_lazy_begin(struct rmfork_snapshot *snap,
						    struct mm_struct *mm)
{
	return ERR_PTR(-EINVAL);
}

static inline void rmfork_lazy_end(struct rmfork_lazy *lazy)
{
}

static inline bool rmfork_lazy_attach(struct rmfork_lazy *lazy, struct vm_area_struct *vma,
				      unsigned long addr, unsigned long end)
{
	return false;
}

static inline bool rmfork_lazy_vma(const struct vm_area_struct *vma)
{
	return false;
}

static inline int rmfork_settle(struct mm_struct *mm)
{
	return 0;
}
#endif

#endif /* RMFORK_MM_LAZY_H */
