/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding page tables.
 */
#ifndef RMFORK_MM_PGTABLE_H
#define RMFORK_MM_PGTABLE_H

#include <linux/mm.h>

pmd_t *rmfork_pmd(struct mm_struct *mm, unsigned long addr, unsigned long end, unsigned long *next);

#endif /* RMFORK_MM_PGTABLE_H */
