/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What differs between the kernels the module is for, 6.1 to 6.18: nothing else in it asks for a version.
 *
 * Locking. Up to 6.3 who holds the mmap lock for writing has the mappings and page tables of an address
 * space to himself, but for reclaim and the like, which look for pages that are there. Since 6.4 a fault takes
 * the lock of its mapping alone, and since 6.17 so does whoever gives up memory. Both are kept out by
 * rmfork_vma_lock(), until the mmap lock is given back. Since 6.5 a page table of a file mapping may go without any
 * of these locks, and since 6.14 any that is empty; it stays valid for an RCU reader. So whoever looks into one
 * takes rmfork_pte_lock(), which tells whether it is still the one.
 */
#ifndef RMFORK_COMPAT_H
#define RMFORK_COMPAT_H

#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <linux/sched/coredump.h>
#include <linux/swap.h>
#include <linux/swapops.h>
#include <linux/version.h>
#include <linux/workqueue.h>

#define RMFORK_SINCE(major, minor) (KERNEL_VERSION(major, minor, 0) <= LINUX_VERSION_CODE)

/*
 * Whether there can be lazy restores (lazy.c). Since 6.3 a notifier is not told any more which mapping the pages
 * that are given up are in, and cannot look for it: reclaim, which calls it too, has no mmap lock. With PREEMPT_RT
 * the mmap lock does not tell who holds it.
 */
#if defined(CONFIG_MMU_NOTIFIER) && !defined(CONFIG_PREEMPT_RT) && !RMFORK_SINCE(6, 3)
#define RMFORK_LAZY
#endif

/**
 * rmfork_vma_lock - keep everybody else from a mapping, as long as the mmap lock is held
 * @vma: the mapping, its mmap lock write-held
 */
static inline void rmfork_vma_lock(struct vm_area_struct *vma)
{
#if RMFORK_SINCE(6, 4)
	vma_start_write(vma);
#endif
}

/**
 * rmfork_vma_flags - change the flags of a mapping
 * @vma:   the mapping, its mmap lock write-held; implies rmfork_vma_lock()
 * @set:   to be set
 * @clear: to be cleared
 */
static inline void rmfork_vma_flags(struct vm_area_struct *vma, vm_flags_t set, vm_flags_t clear)
{
#if RMFORK_SINCE(6, 3)
	vm_flags_mod(vma, set, clear);
#else
	vma->vm_flags = (vma->vm_flags | set) & ~clear;
#endif
}

/**
 * rmfork_gup - have pages of a task faulted in
 * @mm:	   the address space, mmap lock held, which is kept throughout
 * @addr:  of the first
 * @nr:	   how many
 * @flags: FOLL_*
 * @pages: set to them, each with a reference; or NULL
 *
 * Return: how many, or -errno.
 */
static inline long rmfork_gup(struct mm_struct *mm, unsigned long addr, unsigned long nr,
			      unsigned int flags, struct page **pages)
{
#if RMFORK_SINCE(6, 5)
	return get_user_pages_remote(mm, addr, nr, flags, pages, NULL);
#else
	return get_user_pages_remote(mm, addr, nr, flags, pages, NULL, NULL);
#endif
}

/**
 * rmfork_pte_lock - look into a page table
 * @mm:	  the address space, mmap lock held
 * @pmd:  the entry of its page middle directory
 * @addr: an address under it
 * @ptl:  set to the lock that is held then
 *
 * Return: the entry for @addr, to be given back by pte_unmap_unlock(); or NULL: there is no page table there
 * (any more).
 */
static inline pte_t *rmfork_pte_lock(struct mm_struct *mm, pmd_t *pmd, unsigned long addr,
				     spinlock_t **ptl)
{
#if RMFORK_SINCE(6, 5)
	/* What the kernel's own does is not exported. pte_unmap_unlock() ends the RCU section. */
	pmd_t seen;

	for (;;) {
		rcu_read_lock();
		seen = pmdp_get_lockless(pmd);
		if (pmd_none(seen) || !pmd_present(seen) || pmd_trans_huge(seen) || pmd_bad(seen))
			break;
		*ptl = pte_lockptr(mm, &seen);
		spin_lock(*ptl);
		/* Who takes a page table away does so under its lock. */
		if (pmd_same(seen, pmdp_get_lockless(pmd)))
			return pte_offset_kernel(&seen, addr);
		spin_unlock(*ptl);
		rcu_read_unlock();
	}
	rcu_read_unlock();
	return NULL;
#else
	return pte_offset_map_lock(mm, pmd, addr, ptl);
#endif
}

/**
 * rmfork_pte_devmap - whether an entry maps memory of a device by way of DAX
 * @pte: present
 */
static inline bool rmfork_pte_devmap(pte_t pte)
{
#if RMFORK_SINCE(6, 17)
	return false; /* It maps a page like any other. */
#else
	return pte_devmap(pte);
#endif
}

/**
 * rmfork_pmd_devmap - the same for an entry of a page middle directory
 * @pmd: not none
 */
static inline bool rmfork_pmd_devmap(pmd_t pmd)
{
#if RMFORK_SINCE(6, 17)
	return false;
#else
	return pmd_devmap(pmd);
#endif
}

/**
 * rmfork_page_shared - whether more than one page table has a page, as far as one can tell without its lock
 * @page: mapped, with a reference
 */
static inline bool rmfork_page_shared(struct page *page)
{
#if RMFORK_SINCE(6, 15)
	/* Of a large folio, whether any of it. */
	return folio_maybe_mapped_shared(page_folio(page));
#elif RMFORK_SINCE(6, 9)
	/* What page_mapcount() told, which is there no more in some of them. */
	struct folio *folio = page_folio(page);
	int whole = folio_test_large(folio) ? folio_entire_mapcount(folio) : 0;

	return atomic_read(&page->_mapcount) + 1 + whole > 1;
#else
	return page_mapcount(page) > 1;
#endif
}

/**
 * rmfork_mm_unstable - whether the OOM killer has taken pages out of an address space
 * @mm: the address space
 */
static inline bool rmfork_mm_unstable(struct mm_struct *mm)
{
#if RMFORK_SINCE(6, 18)
	return mm_flags_test(MMF_UNSTABLE, mm);
#else
	return test_bit(MMF_UNSTABLE, &mm->flags);
#endif
}

/* A workqueue whose work may run on any processor. */
#if RMFORK_SINCE(6, 17)
#define rmfork_unbound_wq system_dfl_wq
#else
#define rmfork_unbound_wq system_unbound_wq
#endif

/* A flag of mappings whose pages only the processor writes; 0: there are none. */
#if RMFORK_SINCE(6, 6)
#define RMFORK_VM_SHADOW_STACK VM_SHADOW_STACK
#else
#define RMFORK_VM_SHADOW_STACK 0
#endif

#endif /* RMFORK_COMPAT_H */
