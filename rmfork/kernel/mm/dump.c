// SPDX-License-Identifier: GPL-2.0-only
/*
 * DUMP: a task's private pages, from its page tables into ubmem.
 *
 * The tables are walked by hand, because faulting in hole by hole would be slow and would fill
 * private file mappings with the file's pages. Page table by page table: under its lock the
 * pages are referenced, and stored after it is dropped (store.c). The caller keeps the task stopped.
 */
#include <linux/file.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "mm/compat.h"
#include "mm/dump.h"
#include "mm/lazy.h"
#include "mm/pgtable.h"
#include "mm/store.h"
#include "mm/task.h"
#include "mm/vma.h"
#include "snapshot/index.h"
#include "snapshot/session.h"
#include "snapshot/snapshot.h"
#include "snapshot/sums.h"
#include "ubmem/ubmem.h"

/**
 * struct dump - a dump that runs
 * @ub:	   the pool
 * @snap:  what is being filled
 * @mm:	   the task's, mmap lock read-held during the walk
 * @vma:   the mapping at hand
 * @batch: pages found and not stored yet
 */
struct dump {
	struct ubmem *ub;
	struct rmfork_snapshot *snap;
	struct mm_struct *mm;
	struct vm_area_struct *vma;
	struct rmfork_batch batch;
};

static bool in_ubmem(struct dump *d, struct page *page)
{
	u64 nr;

	return d->ub->backing->find(d->ub, page, &nr);
}

/*
 * In anonymous memory every page is content, whoever put it there. In a private file mapping
 * only what was changed is: anonymous pages, and those an earlier restore inserted.
 */
static bool is_content(struct dump *d, struct page *page)
{
	return vma_is_anonymous(d->vma) || PageAnon(page) || in_ubmem(d, page);
}

/* Brings in what is swapped out or being moved, by way of a fault. */
static int fault_in(struct dump *d, unsigned long addr)
{
	struct page *page;
	long got;

	got = rmfork_gup(d->mm, addr, 1, FOLL_FORCE | FOLL_HWPOISON, &page);
	if (got < 0)
		return got;
	if (!got)
		return -EFAULT;
	if (is_content(d, page))
		rmfork_batch_add(&d->batch, addr, page);
	else
		put_page(page);
	return 0;
}

enum pte_kind { PTE_SKIP, PTE_TAKE, PTE_FAULT };

/* Of the other markers a fault tells: memory that was lost (EHWPOISON), or is guarded (EFAULT). */
static bool is_empty_marker(pte_t pte)
{
	return is_pte_marker(pte) && !(pte_marker_get(pte_to_swp_entry(pte)) & ~PTE_MARKER_UFFD_WP);
}

static enum pte_kind classify(struct dump *d, pte_t pte)
{
	if (pte_none(pte))
		return PTE_SKIP;
	if (!pte_present(pte))
		return is_empty_marker(pte) ? PTE_SKIP : PTE_FAULT;
	/* The zero page, or memory without a struct page. */
	if (pte_special(pte) || rmfork_pte_devmap(pte) || !pfn_valid(pte_pfn(pte)))
		return PTE_SKIP;
	return is_content(d, pte_page(pte)) ? PTE_TAKE : PTE_SKIP;
}

/*
 * References the pages of one page table from *@addr on, which is set to where it stopped: @end,
 * or one that needs a fault. False if there is no page table any more. The pte lock keeps the pages until they
 * are referenced.
 */
static bool collect_ptes(struct dump *d, pmd_t *pmd, unsigned long *addr, unsigned long end)
{
	enum pte_kind kind;
	spinlock_t *ptl;
	pte_t *start, *ptep;

	start = rmfork_pte_lock(d->mm, pmd, *addr, &ptl);
	if (!start)
		return false;
	for (ptep = start; *addr < end; ptep++, *addr += PAGE_SIZE) {
		kind = classify(d, *ptep);
		if (kind == PTE_FAULT)
			break;
		if (kind == PTE_TAKE) {
			get_page(pte_page(*ptep));
			rmfork_batch_add(&d->batch, *addr, pte_page(*ptep));
		}
	}
	pte_unmap_unlock(start, ptl);
	return true;
}

static int walk_ptes(struct dump *d, pmd_t *pmd, unsigned long addr, unsigned long end)
{
	int ret;

	for (;;) {
		/* A fault, or another, may have replaced the table's entry: look again from above. */
		if (pmd_none(*pmd) || pmd_trans_huge(*pmd) || pmd_bad(*pmd))
			return -EAGAIN;
		if (!collect_ptes(d, pmd, &addr, end))
			return -EAGAIN;
		if (addr == end)
			return 0;
		ret = fault_in(d, addr);
		if (ret)
			return ret;
		addr += PAGE_SIZE;
		if (addr == end)
			return 0;
	}
}

/*
 * References the small pages of a huge one. False if it is not huge any more. The pmd lock keeps
 * it until it is referenced. The huge zero page is not anonymous.
 */
static bool collect_huge(struct dump *d, pmd_t *pmd, unsigned long addr, unsigned long end)
{
	struct page *page;
	spinlock_t *ptl = pmd_lock(d->mm, pmd);
	bool huge = pmd_trans_huge(*pmd);

	if (huge) {
		d->batch.huge = end - addr == PMD_SIZE;
		page = pmd_page(*pmd) + ((addr & ~PMD_MASK) >> PAGE_SHIFT);
		for (; PageAnon(page) && addr < end; addr += PAGE_SIZE, page++) {
			get_page(page);
			rmfork_batch_add(&d->batch, addr, page);
		}
	}
	spin_unlock(ptl);
	return huge;
}

/* The part of the mapping under one entry of the page middle directory. */
static int walk_pmd(struct dump *d, pmd_t *pmd, unsigned long addr, unsigned long end)
{
	pmd_t entry = READ_ONCE(*pmd);
	int ret;

	if (pmd_none(entry) || rmfork_pmd_devmap(entry))
		return 0;
	if (!pmd_present(entry)) {
		/* A huge page on its way elsewhere: the fault waits for it. */
		ret = fault_in(d, addr);
		addr += PAGE_SIZE;
		if (ret || addr == end)
			return ret;
		entry = READ_ONCE(*pmd);
		if (!pmd_present(entry))
			return -EAGAIN;
	}
	if (pmd_trans_huge(entry) && collect_huge(d, pmd, addr, end))
		return 0;
	if (pmd_bad(READ_ONCE(*pmd)))
		return -EAGAIN;
	return walk_ptes(d, pmd, addr, end);
}

/* A page table that changes under us is looked at afresh, as long as the caller lives. */
static int walk_pmd_steadily(struct dump *d, pmd_t *pmd, unsigned long addr, unsigned long end)
{
	int ret;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		rmfork_batch_drop(&d->batch);
		ret = walk_pmd(d, pmd, addr, end);
	} while (ret == -EAGAIN);
	return ret;
}

static int walk_vma(struct dump *d, unsigned long addr, unsigned long end)
{
	unsigned long next;
	pmd_t *pmd;
	int ret;

	for (; addr < end; addr = next) {
		pmd = rmfork_pmd(d->mm, addr, end, &next);
		if (!pmd)
			continue;
		ret = walk_pmd_steadily(d, pmd, addr, next);
		/* Zeros read back where nothing is stored, but only in anonymous memory. */
		if (!ret)
			ret = rmfork_batch_store(&d->batch, vma_is_anonymous(d->vma));
		rmfork_batch_drop(&d->batch);
		if (ret)
			return ret;
	}
	return 0;
}

static int walk_range(struct dump *d, unsigned long addr, unsigned long end)
{
	int ret;

	while (addr < end) {
		d->vma = find_vma(d->mm, addr);
		if (!d->vma || d->vma->vm_start >= end)
			return 0;
		addr = max(addr, d->vma->vm_start);
		if (rmfork_vma_private(d->vma)) {
			ret = walk_vma(d, addr, min(end, d->vma->vm_end));
			if (ret)
				return ret;
		}
		addr = d->vma->vm_end;
	}
	return 0;
}

static int walk_mm(struct dump *d, const struct rmfork_ranges *ranges)
{
	unsigned long i, base;
	int ret;

	/* Read-held: mappings stay, and page tables are not freed. */
	if (mmap_read_lock_killable(d->mm))
		return -EINTR;
	for (i = 0, ret = 0; !ret && i < ranges->nr; i++) {
		base = (unsigned long)ranges->iov[i].iov_base;
		ret = walk_range(d, base, base + ranges->iov[i].iov_len);
	}
	/* What it has reaped looks like pages that never were. It says so before it begins. */
	if (!ret && rmfork_mm_unstable(d->mm))
		ret = -ESRCH;
	mmap_read_unlock(d->mm);
	return ret;
}

/* Fills the snapshot and tells the caller where it will be. */
static int fill_snapshot(struct dump *d, const struct rmfork_ranges *ranges,
			 u64 __user *meta_off)
{
	int ret;

	ret = walk_mm(d, ranges);
	if (!ret)
		ret = rmfork_index_store(d->snap);
	if (!ret && READ_ONCE(ubmem_sums))
		ret = rmfork_sums_store(d->snap);
	/* Before it is there: a caller that did not learn the offset could never free it. */
	if (!ret && put_user(d->snap->meta_off, meta_off))
		ret = -EFAULT;
	return ret;
}

static int dump_task(struct dump *d, const struct rmfork_ranges *ranges, u64 pid,
		     u64 __user *meta_off, struct rmfork_session *owner)
{
	int ret;

	d->mm = rmfork_mm_get(pid);
	if (IS_ERR(d->mm))
		return PTR_ERR(d->mm);
	/* A full pool may have room when that is done. */
	rmfork_lazy_flush();
	/* What the page tables do not show would be lost. */
	ret = rmfork_settle(d->mm);
	if (!ret) {
		d->snap = rmfork_snapshot_begin(d->ub, pid);
		ret = PTR_ERR_OR_ZERO(d->snap);
	}
	if (!ret) {
		d->batch.snap = d->snap;
		ret = fill_snapshot(d, ranges, meta_off);
		if (!ret)
			ret = rmfork_snapshot_publish(d->snap, owner);
		if (ret)
			rmfork_snapshot_put(d->snap);
	}
	mmput(d->mm);
	return ret;
}

static int dump_ranges(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 __user *meta_off,
		       struct rmfork_session *owner)
{
	struct rmfork_ranges ranges;
	struct dump *d;
	int ret;

	ret = rmfork_ranges_load(&ranges, kargs);
	if (ret)
		return ret;
	d = kvzalloc(sizeof(*d), GFP_KERNEL);
	ret = -ENOMEM;
	if (d) {
		d->ub = ub;
		ret = dump_task(d, &ranges, kargs->pid, meta_off, owner);
	}
	kvfree(d);
	rmfork_ranges_free(&ranges);
	return ret;
}

/**
 * rmfork_dump - DUMP
 * @ub:	      the pool
 * @kargs:    pid, and iovs with nr_iovs; va may name a session
 * @meta_off: the caller's; set to the offset of the new snapshot
 *
 * Context: takes the task's mmap lock for reading, and ub->lock within.
 * Return: 0 or -errno, with nothing left behind.
 */
long rmfork_dump(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 __user *meta_off)
{
	struct rmfork_session *session;
	struct file *file;
	int ret;

	if (!kargs->pid)
		return -EINVAL;
	if (!kargs->va)
		return dump_ranges(ub, kargs, meta_off, NULL);
	session = rmfork_session_get(kargs->va, &file);
	if (IS_ERR(session))
		return PTR_ERR(session);
	ret = dump_ranges(ub, kargs, meta_off, session);
	fput(file);
	return ret;
}
