// SPDX-License-Identifier: GPL-2.0-only
/*
 * DUMP: a task's private pages, from its page tables into ubmem.
 *
 * The tables are walked by hand, because faulting in hole by hole would be slow and would fill
 * private file mappings with the file's pages. Page table by page table: under its lock the
 * pages are referenced, and copied after it is dropped. The caller keeps the task stopped.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/swap.h>
#include <linux/swapops.h>

#include "rmfork-module.h"

/**
 * struct dump - a dump that runs
 * @ub:	   the pool
 * @snap:  what is being filled
 * @index: its index
 * @mm:	   the task's, mmap lock read-held during the walk
 * @vma:   the mapping at hand
 * @nr:	   pages in @batch
 * @batch: pages with a reference, to be stored
 */
struct dump {
	struct ubmem *ub;
	struct rmfork_snapshot *snap;
	struct rmfork_index_writer index;
	struct mm_struct *mm;
	struct vm_area_struct *vma;
	unsigned int nr;
	struct {
		unsigned long addr;
		struct page *page;
	} batch[PTRS_PER_PTE];
};

/*
 * In anonymous memory every page is content, whoever put it there. In a private file mapping
 * only what was changed is: anonymous pages, and those an earlier restore inserted.
 */
static bool is_content(struct dump *d, struct page *page)
{
	return vma_is_anonymous(d->vma) || PageAnon(page) || d->ub->backing->owns(d->ub, page);
}

/* Zeros read back where nothing is stored, but only in anonymous memory. */
static bool is_implied(struct dump *d, struct page *page)
{
	void *data;
	bool zero;

	if (!vma_is_anonymous(d->vma))
		return false;
	data = kmap_local_page(page);
	zero = !memchr_inv(data, 0, PAGE_SIZE);
	kunmap_local(data);
	return zero;
}

static void add_page(struct dump *d, unsigned long addr, struct page *page)
{
	d->batch[d->nr].addr = addr;
	d->batch[d->nr].page = page;
	d->nr++;
}

/* Drops from the batch what need not be stored. */
static int sift_batch(struct dump *d)
{
	unsigned int i, kept = 0;
	int ret = 0;

	for (i = 0; i < d->nr; i++) {
		struct page *page = d->batch[i].page;

		if (PageHWPoison(page))
			ret = -EHWPOISON;
		if (is_implied(d, page))
			put_page(page);
		else
			d->batch[kept++] = d->batch[i];
	}
	d->nr = kept;
	return ret;
}

static int copy_batch(struct dump *d)
{
	unsigned int done = 0;
	u64 first, got, i;
	int ret;

	while (done < d->nr) {
		ret = ubmem_alloc_run(d->snap, d->nr - done, &first, &got);
		if (ret)
			return ret;
		for (i = 0; i < got; i++, done++) {
			copy_highpage(d->ub->backing->page(d->ub, first + i), d->batch[done].page);
			ret = rmfork_index_append(&d->index, d->batch[done].addr,
						  (first + i) << PAGE_SHIFT);
			if (ret)
				return ret;
		}
	}
	return 0;
}

/* Stores and empties the batch; empties it also on failure. */
static int flush_batch(struct dump *d)
{
	unsigned int i;
	int ret;

	ret = sift_batch(d);
	if (!ret)
		ret = copy_batch(d);
	for (i = 0; i < d->nr; i++)
		put_page(d->batch[i].page);
	d->nr = 0;
	return ret;
}

/* Brings in what is swapped out or being moved, by way of a fault. */
static int fault_in(struct dump *d, unsigned long addr)
{
	struct page *page;
	long got;

	got = get_user_pages_remote(d->mm, addr, 1, FOLL_FORCE, &page, NULL, NULL);
	if (got < 0)
		return got;
	if (!got)
		return -EFAULT;
	if (is_content(d, page))
		add_page(d, addr, page);
	else
		put_page(page);
	return 0;
}

enum pte_kind { PTE_SKIP, PTE_TAKE, PTE_FAULT };

static enum pte_kind classify(struct dump *d, pte_t pte)
{
	if (pte_none(pte))
		return PTE_SKIP;
	if (!pte_present(pte))
		return is_pte_marker(pte) ? PTE_SKIP : PTE_FAULT;
	/* The zero page, or memory without a struct page. */
	if (pte_special(pte) || pte_devmap(pte) || !pfn_valid(pte_pfn(pte)))
		return PTE_SKIP;
	return is_content(d, pte_page(pte)) ? PTE_TAKE : PTE_SKIP;
}

/*
 * References the pages of one page table from @addr on. Returns the address it stopped at: @end,
 * or one that needs a fault. The pte lock keeps the pages until they are referenced.
 */
static unsigned long collect_ptes(struct dump *d, pmd_t *pmd, unsigned long addr,
				  unsigned long end)
{
	enum pte_kind kind;
	spinlock_t *ptl;
	pte_t *start, *ptep;

	start = pte_offset_map_lock(d->mm, pmd, addr, &ptl);
	for (ptep = start; addr < end; ptep++, addr += PAGE_SIZE) {
		kind = classify(d, *ptep);
		if (kind == PTE_FAULT)
			break;
		if (kind == PTE_TAKE) {
			get_page(pte_page(*ptep));
			add_page(d, addr, pte_page(*ptep));
		}
	}
	pte_unmap_unlock(start, ptl);
	return addr;
}

static int walk_ptes(struct dump *d, pmd_t *pmd, unsigned long addr, unsigned long end)
{
	int ret;

	for (;;) {
		addr = collect_ptes(d, pmd, addr, end);
		if (addr == end)
			return 0;
		ret = fault_in(d, addr);
		if (ret)
			return ret;
		addr += PAGE_SIZE;
		/* A fault may have replaced the table's entry: look again from above. */
		if (addr == end)
			return 0;
		if (pmd_none(*pmd) || pmd_trans_huge(*pmd) || pmd_bad(*pmd))
			return -EAGAIN;
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
		page = pmd_page(*pmd) + ((addr & ~PMD_MASK) >> PAGE_SHIFT);
		for (; PageAnon(page) && addr < end; addr += PAGE_SIZE, page++) {
			get_page(page);
			add_page(d, addr, page);
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

	if (pmd_none(entry) || pmd_devmap(entry))
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

static void drop_batch(struct dump *d)
{
	while (d->nr)
		put_page(d->batch[--d->nr].page);
}

/* A page table that changes under us is looked at afresh, as long as the caller lives. */
static int walk_pmd_steadily(struct dump *d, pmd_t *pmd, unsigned long addr, unsigned long end)
{
	int ret;

	do {
		if (fatal_signal_pending(current))
			return -EINTR;
		cond_resched();
		drop_batch(d);
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
		if (!ret)
			ret = flush_batch(d);
		if (ret) {
			drop_batch(d);
			return ret;
		}
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
	mmap_read_unlock(d->mm);
	return ret;
}

static int dump_run(struct dump *d, const struct rmfork_ranges *ranges, u64 pid)
{
	int ret;

	d->snap = rmfork_snapshot_begin(d->ub, pid);
	if (IS_ERR(d->snap))
		return PTR_ERR(d->snap);
	ret = rmfork_index_begin(&d->index, d->snap);
	if (!ret)
		ret = walk_mm(d, ranges);
	if (ret) {
		rmfork_index_abandon(&d->index);
		rmfork_snapshot_put(d->snap);
		return ret;
	}
	rmfork_index_finish(&d->index);
	return 0;
}

/**
 * rmfork_dump - DUMP
 * @ub:	      the pool
 * @kargs:    pid, and iovs with nr_iovs
 * @meta_off: set to the offset of the new snapshot
 *
 * Context: takes the task's mmap lock for reading, and ub->lock within.
 * Return: 0 or -errno, with nothing left behind.
 */
long rmfork_dump(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 *meta_off)
{
	struct rmfork_ranges ranges;
	struct dump *d;
	int ret;

	ret = rmfork_ranges_load(&ranges, kargs);
	if (ret)
		return ret;
	d = kvzalloc(sizeof(*d), GFP_KERNEL);
	if (!d) {
		rmfork_ranges_free(&ranges);
		return -ENOMEM;
	}
	d->ub = ub;
	d->mm = rmfork_mm_get(kargs->pid);
	ret = PTR_ERR_OR_ZERO(d->mm);
	if (!ret) {
		ret = dump_run(d, &ranges, kargs->pid);
		mmput(d->mm);
	}
	if (!ret) {
		*meta_off = d->snap->meta_off;
		rmfork_snapshot_publish(d->snap);
	}
	kvfree(d);
	rmfork_ranges_free(&ranges);
	return ret;
}
