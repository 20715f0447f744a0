// SPDX-License-Identifier: GPL-2.0-only
/*
 * Instead of lazy.c and lazy-pages.c, for a kernel that offers no way to do what is done there (mm/compat.h).
 */
#include <linux/err.h>

#include "mm/compat.h"
#include "mm/lazy.h"

#ifndef RMFORK_LAZY

bool rmfork_lazy_possible(void)
{
	return false;
}

struct rmfork_lazy *rmfork_lazy_begin(struct rmfork_snapshot *snap, struct mm_struct *mm)
{
	return ERR_PTR(-EOPNOTSUPP);
}

void rmfork_lazy_end(struct rmfork_lazy *lazy)
{
}

bool rmfork_lazy_attach(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
			unsigned long end)
{
	return false;
}

bool rmfork_lazy_vma(const struct vm_area_struct *vma)
{
	return false;
}

/* Nothing is left. */
int rmfork_settle(struct mm_struct *mm)
{
	return 0;
}

void rmfork_lazy_flush(void)
{
}

void rmfork_lazy_exit(void)
{
}

#endif /* !RMFORK_LAZY */
