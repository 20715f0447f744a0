/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A lazy restore, between its two parts: lazy-pages.c knows which pages are still to be put in, lazy.c knows
 * mappings, faults and what is given up. What others see of both is in lazy.h.
 */
#ifndef RMFORK_MM_LAZY_PAGES_H
#define RMFORK_MM_LAZY_PAGES_H

#include <linux/kref.h>
#include <linux/llist.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/spinlock.h>

struct rmfork_snapshot;

/**
 * struct rmfork_lazy - a lazy restore, as long as mappings of it are left
 * @ref:     one per mapping, and one of the restore that runs
 * @dead:    in the list of those to be released; nobody else has it any more
 * @mm:      the address space restored to, to be compared; its mappings keep it. Never changes
 * @snap:    the snapshot, with a reference. Never changes
 * @watch:   tells what is given up in @mm; with a reference. Never changes once a mapping is attached
 * @first:   per range of the index: how many pages come before it. Never changes
 * @moved:   key at which the part of a mapping ends that is being moved. Written when page tables are about to
 *	     be moved or emptied, read where they were moved: under one hold of the mmap lock for writing
 * @lock:    guards @gone, and is held from the decision to put a page in until it is in. Within it the lock of
 *	     a page table is taken, and nothing is allocated
 * @gone:    a bit per page of the index: not to be put in, or not any more. Under @lock; who holds the mmap lock
 *	     for writing may read it without: then nothing is given up
 * @scratch: pages to insert; under the mmap lock of @mm held for writing
 *
 * A mapping's reference goes with its vm_private_data, under its mmap lock held for writing. The
 * notifier may be called by who has no mmap lock, and that long after it has looked there: it is within the
 * SRCU section of the notifiers, and what it may have found is freed only after that.
 */
struct rmfork_lazy {
	struct kref ref;
	struct llist_node dead;
	struct mm_struct *mm;
	struct rmfork_snapshot *snap;
	struct mmu_notifier *watch;
	u64 *first;
	u64 moved;
	spinlock_t lock;
	unsigned long *gone;
	struct page *scratch[PTRS_PER_PTE];
};

/* The key of an address in a lazy mapping: the address it had at the time of the dump. And back. */
static inline u64 rmfork_lazy_key(const struct vm_area_struct *vma, unsigned long addr)
{
	return ((u64)vma->vm_pgoff << PAGE_SHIFT) + (addr - vma->vm_start);
}

static inline unsigned long rmfork_lazy_addr(const struct vm_area_struct *vma, u64 key)
{
	return vma->vm_start + (key - ((u64)vma->vm_pgoff << PAGE_SHIFT));
}

struct rmfork_lazy *rmfork_lazy_new(struct rmfork_snapshot *snap, struct mm_struct *mm);
void rmfork_lazy_get(struct rmfork_lazy *lazy);
void rmfork_lazy_put(struct rmfork_lazy *lazy);
void rmfork_lazy_want(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		      unsigned long end);
void rmfork_lazy_give_up(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
			 unsigned long end);
int rmfork_lazy_fill(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		     unsigned long end);
int rmfork_lazy_enter(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr);

#endif /* RMFORK_MM_LAZY_PAGES_H */
