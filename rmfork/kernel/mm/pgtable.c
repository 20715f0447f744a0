// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding page tables.
 */
#include <linux/mm.h>
#include <linux/pgtable.h>

#include "mm/pgtable.h"

/**
 * rmfork_pmd - the entry of the page middle directory for an address
 * @mm:	  the address space, under its mmap lock
 * @addr: the address
 * @end:  nothing beyond is of interest
 * @next: set to the first address the result says nothing about, at most @end
 *
 * Return: the entry, or NULL where there is none; then nothing is mapped up to @next (or only by a
 * 1 GiB entry, which no private memory has).
 */
pmd_t *rmfork_pmd(struct mm_struct *mm, unsigned long addr, unsigned long end, unsigned long *next)
{
	pgd_t *pgd = pgd_offset(mm, addr);
	p4d_t *p4d;
	pud_t *pud;

	*next = pgd_addr_end(addr, end);
	if (pgd_none(*pgd) || pgd_bad(*pgd))
		return NULL;
	p4d = p4d_offset(pgd, addr);
	*next = p4d_addr_end(addr, *next);
	if (p4d_none(*p4d) || p4d_bad(*p4d))
		return NULL;
	pud = pud_offset(p4d, addr);
	*next = pud_addr_end(addr, *next);
	if (pud_none(*pud) || pud_bad(*pud))
		return NULL;
	*next = pmd_addr_end(addr, *next);
	return pmd_offset(pud, addr);
}
