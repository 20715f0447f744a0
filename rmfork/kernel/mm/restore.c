// SPDX-License-Identifier: GPL-2.0-only
/*
 * RESTORE_ONE, RESTORE_ALL and RESTORE_LAZY: the pages of a snapshot, from ubmem into a task's page tables.
 *
 * Two passes under one hold of the mmap lock: first everything that can be refused is looked for,
 * then the pages go in.
 *
 * RESTORE_ONE inserts them read-only and does not copy, but for one page of each mapping: a
 * write makes the task its own page, so the snapshot stays as it is and may be restored any number
 * of times. Several processors do it where there is much (insert.c). RESTORE_ALL copies each into a
 * page that the task gets in the ordinary way, a huge one where it would get that. RESTORE_LAZY
 * leaves the insertion to the first touch (lazy.c), except in private file mappings.
 *
 * vm_insert_pages() sets VM_MIXEDMAP. Nothing looks at it for pages that have a struct page and whose entries are
 * not special, as ours are; but left on, it would keep the mapping from growing, merging, being locked and
 * getting huge pages. So it goes as soon as the pages are in. Being on no list of the kernel's, pages of ubmem
 * are passed over by reclaim, migration, KSM and whoever makes huge pages.
 *
 * But whoever makes a huge page looks at a page table, lets go of the mmap lock while the page is allocated, and
 * takes for granted afterwards that a mapping without VM_MIXEDMAP has nothing but anonymous pages: a kernel with
 * CONFIG_DEBUG_VM stops there (__collapse_huge_page_isolate()), any other gives up at the page's count. So where a
 * huge page could be made, and there is a page table already, as only then can anybody have looked at one, the task
 * gets copies.
 *
 * What a task sees of an insertion in anonymous memory: pages not written to yet count as file pages in
 * its RSS and page map.
 */
#include <linux/highmem.h>
#include <linux/mm.h>
#include <linux/pgtable.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/xarray.h>

#include "mm/compat.h"
#include "mm/insert.h"
#include "mm/lazy.h"
#include "mm/pgtable.h"
#include "mm/restore.h"
#include "mm/task.h"
#include "mm/vma.h"
#include "snapshot/snapshot.h"
#include "ubmem/reclaim.h"
#include "ubmem/ubmem.h"

/**
 * struct restore - a restore that runs
 * @ub:	    the pool
 * @snap:   the snapshot
 * @mm:	    the target's, mmap lock write-held
 * @ranges: what the restore is limited to
 * @lazy:   for RESTORE_LAZY
 * @ins:   for RESTORE_ONE, or NULL
 * @tables: by the number of a huge page: that it could be there, and that there was a page table before
 * @batch:  pages to insert, or to copy to
 */
struct restore {
	struct ubmem *ub;
	struct rmfork_snapshot *snap;
	struct mm_struct *mm;
	const struct rmfork_ranges *ranges;
	struct rmfork_lazy *lazy;
	struct rmfork_insert *ins;
	struct xarray tables;
	struct page *batch[PTRS_PER_PTE];
};

/* Also where there is no page table any more. */
static bool ptes_empty(struct mm_struct *mm, pmd_t *pmd, unsigned long addr, unsigned long end)
{
	spinlock_t *ptl;
	pte_t *start, *ptep;

	start = rmfork_pte_lock(mm, pmd, addr, &ptl);
	if (!start)
		return pmd_none(READ_ONCE(*pmd));
	for (ptep = start; addr < end && pte_none(*ptep); ptep++)
		addr += PAGE_SIZE;
	pte_unmap_unlock(start, ptl);
	return addr == end;
}

static int note_table(struct restore *r, const struct vm_area_struct *vma, unsigned long addr)
{
	unsigned long start = addr & PMD_MASK;

	if (!IS_ENABLED(CONFIG_TRANSPARENT_HUGEPAGE) || start < vma->vm_start ||
	    vma->vm_end - start < PMD_SIZE)
		return 0;
	return xa_err(xa_store(&r->tables, addr >> PMD_SHIFT, xa_mk_value(0), GFP_KERNEL));
}

/*
 * Whether nothing is mapped there yet. Not only a courtesy: vm_insert_pages() takes it
 * for granted that it meets no huge page.
 */
static int check_empty(struct restore *r, const struct vm_area_struct *vma, unsigned long addr,
		       unsigned long end)
{
	unsigned long next;
	pmd_t *pmd;
	int ret;

	for (; addr < end; addr = next) {
		pmd = rmfork_pmd(r->mm, addr, end, &next);
		if (!pmd || pmd_none(*pmd))
			continue;
		/* Not a page table: a huge page, or one on its way elsewhere. */
		if (pmd_bad(*pmd) || !ptes_empty(r->mm, pmd, addr, next))
			return -EBUSY;
		ret = note_table(r, vma, addr);
		if (ret)
			return ret;
		cond_resched();
	}
	return 0;
}

static bool any_poisoned(struct restore *r, u64 nr, u64 data_off)
{
	for (; nr; nr--, data_off += PAGE_SIZE) {
		if (PageHWPoison(ubmem_page(r->ub, data_off)))
			return true;
		if (!(nr % PTRS_PER_PTE))
			cond_resched();
	}
	return false;
}

/* Whether all of [addr, end) can take pages, and there are such. */
static int check_target(struct restore *r, unsigned long addr, unsigned long end, u64 data_off)
{
	struct vm_area_struct *vma;
	unsigned long stop;
	int ret;

	for (; addr < end; addr = stop) {
		vma = find_vma(r->mm, addr);
		if (!vma || vma->vm_start > addr)
			return -ENOENT;
		rmfork_vma_lock(vma);
		if (!rmfork_vma_private(vma))
			return -EINVAL;
		if (rmfork_lazy_vma(vma))
			return -EBUSY;
		stop = min(end, vma->vm_end);
		ret = check_empty(r, vma, addr, stop);
		if (ret)
			return ret;
		if (any_poisoned(r, (stop - addr) >> PAGE_SHIFT, data_off))
			return -EHWPOISON;
		data_off += stop - addr;
	}
	return 0;
}

/* Has the task write, as it were, to a page: it gets a copy. */
static int copy_on_write(struct restore *r, unsigned long addr)
{
	long got;

	got = rmfork_gup(r->mm, addr, 1, FOLL_WRITE | FOLL_FORCE, NULL);
	if (got == 1)
		return 0;
	return got < 0 ? got : -ENOMEM;
}

/*
 * A core file leaves out a mapping that looks as if nobody had ever written to it: one without an
 * anon_vma. The first copy of a page brings that.
 */
static int note_written(struct restore *r, struct vm_area_struct *vma, unsigned long addr)
{
	return vma->anon_vma ? 0 : copy_on_write(r, addr);
}

static int insert_now(struct restore *r, struct vm_area_struct *vma, unsigned long addr,
		      unsigned long nr, u64 data_off)
{
	vm_flags_t mixed = vma->vm_flags & VM_MIXEDMAP;
	unsigned long i, left = nr;
	int ret;

	if (fatal_signal_pending(current))
		return -EINTR;
	for (i = 0; i < nr; i++)
		r->batch[i] = ubmem_page(r->ub, data_off + (i << PAGE_SHIFT));
	ret = vm_insert_pages(vma, addr, r->batch, &left);
	/* Its word for a page table it could not allocate. */
	if (ret == -EFAULT)
		ret = -ENOMEM;
	/* Before anything is copied: how a page is locked, and whose anon_vma it gets, goes by the flag. */
	if (!mixed)
		rmfork_vma_flags(vma, 0, VM_MIXEDMAP);
	if (!ret)
		ret = note_written(r, vma, addr);
	cond_resched();
	return ret;
}

static void copy_page_in(struct restore *r, struct page *page, struct vm_area_struct *vma,
			 unsigned long addr, u64 data_off)
{
	copy_user_highpage(page, ubmem_page(r->ub, data_off), addr, vma);
	set_page_dirty_lock(page);
	put_page(page);
}

static int copy_batch(struct restore *r, struct vm_area_struct *vma, unsigned long addr,
		      unsigned long nr, u64 data_off)
{
	long got, i;

	while (nr) {
		if (fatal_signal_pending(current))
			return -EINTR;
		got = rmfork_gup(r->mm, addr, nr, FOLL_WRITE | FOLL_FORCE, r->batch);
		if (got <= 0)
			return got ? got : -ENOMEM;
		for (i = 0; i < got; i++, addr += PAGE_SIZE, data_off += PAGE_SIZE)
			copy_page_in(r, r->batch[i], vma, addr, data_off);
		nr -= got;
		cond_resched();
	}
	return 0;
}

static int insert_batch(struct restore *r, struct vm_area_struct *vma, unsigned long addr,
			unsigned long nr, u64 data_off)
{
	int ret;

	/*
	 * In a file mapping an inserted page would pass for a clean page of the file: with whoever looks at the
	 * task's page map, and when a hole is punched, for which nobody needs the mmap lock. So the task gets copies.
	 */
	if (!vma_is_anonymous(vma) || xa_load(&r->tables, addr >> PMD_SHIFT))
		return copy_batch(r, vma, addr, nr, data_off);
	if (!rmfork_insert_wants(r->ins, vma, nr))
		return insert_now(r, vma, addr, nr, data_off);
	ret = insert_now(r, vma, addr, 1, data_off);
	if (!ret)
		rmfork_insert_add(r->ins, vma, addr + PAGE_SIZE, nr - 1, data_off + PAGE_SIZE);
	return ret;
}

typedef int (*batch_fn)(struct restore *r, struct vm_area_struct *vma, unsigned long addr,
			unsigned long nr, u64 data_off);

/* Calls @fn for the pages from @addr to @end, those of one mapping and of one page table each. */
static int walk_batches(struct restore *r, unsigned long addr, unsigned long end, u64 data_off,
			batch_fn fn)
{
	struct vm_area_struct *vma;
	unsigned long nr;
	int ret;

	while (addr < end) {
		vma = find_vma(r->mm, addr);
		if (!vma || vma->vm_start > addr)
			return -ENOENT;
		nr = (min(end, vma->vm_end) - addr) >> PAGE_SHIFT;
		nr = min_t(unsigned long, nr, PTRS_PER_PTE - pte_index(addr));
		ret = fn(r, vma, addr, nr, data_off);
		if (ret)
			return ret;
		addr += nr << PAGE_SHIFT;
		data_off += nr << PAGE_SHIFT;
	}
	return 0;
}

static int insert(struct restore *r, unsigned long addr, unsigned long end, u64 data_off)
{
	return walk_batches(r, addr, end, data_off, insert_batch);
}

static int copy(struct restore *r, unsigned long addr, unsigned long end, u64 data_off)
{
	return walk_batches(r, addr, end, data_off, copy_batch);
}

static int attach_batch(struct restore *r, struct vm_area_struct *vma, unsigned long addr,
			unsigned long nr, u64 data_off)
{
	if (rmfork_lazy_attach(r->lazy, vma, addr, addr + (nr << PAGE_SHIFT)))
		return note_written(r, vma, addr);
	return insert_batch(r, vma, addr, nr, data_off);
}

static int attach(struct restore *r, unsigned long addr, unsigned long end, u64 data_off)
{
	return walk_batches(r, addr, end, data_off, attach_batch);
}

typedef int (*segment_fn)(struct restore *r, unsigned long addr, unsigned long end, u64 data_off);

/* Calls @fn for each piece of the snapshot that lies in the ranges asked for. */
static int walk_segments(struct restore *r, segment_fn fn)
{
	const struct rmfork_index *index = &r->snap->index;
	const struct iovec *iov = r->ranges->iov;
	const struct iovec *stop = iov + r->ranges->nr;
	const struct rmfork_range *range;
	unsigned long base, from, to, end;
	int ret;

	for (range = index->ranges; range < index->ranges + index->nr; range++) {
		end = range->vaddr + (range->nr_pages << PAGE_SHIFT);
		/* Both ascend: what ends before this range is done with. */
		while (iov < stop && (unsigned long)iov->iov_base + iov->iov_len <= range->vaddr)
			iov++;
		for (; iov < stop && (unsigned long)iov->iov_base < end; iov++) {
			base = (unsigned long)iov->iov_base;
			from = max_t(unsigned long, base, range->vaddr);
			to = min(base + iov->iov_len, end);
			ret = fn(r, from, to, range->data_off + (from - range->vaddr));
			if (ret)
				return ret;
			if (base + iov->iov_len > end)
				break;
		}
	}
	return 0;
}

static int insert_all(struct restore *r)
{
	int ret;

	r->ins = rmfork_insert_alloc(r->ub, r->mm, r->snap->index.pages);
	ret = walk_segments(r, insert);
	if (!ret && r->ins)
		ret = rmfork_insert_run(r->ins);
	rmfork_insert_free(r->ins);
	return ret;
}

static int put_in(struct restore *r, u64 operation)
{
	int ret;

	if (operation == RMFORK_OP_RESTORE_ONE)
		return insert_all(r);
	if (operation == RMFORK_OP_RESTORE_ALL)
		return walk_segments(r, copy);
	r->lazy = rmfork_lazy_begin(r->snap, r->mm);
	if (IS_ERR(r->lazy))
		return PTR_ERR(r->lazy);
	ret = walk_segments(r, attach);
	rmfork_lazy_end(r->lazy);
	return ret;
}

static int restore_mm(struct restore *r, u64 operation)
{
	int ret;

	/*
	 * Write-held, and so are the mappings from the first pass on: vm_insert_pages() wants it, and nothing
	 * changes between the passes.
	 */
	if (mmap_write_lock_killable(r->mm))
		return -EINTR;
	ret = walk_segments(r, check_target);
	if (!ret) {
		ret = put_in(r, operation);
		/* A fault was refused, as by a file that is shorter than the mapping. */
		if (ret == -EFAULT)
			ret = -EIO;
	}
	mmap_write_unlock(r->mm);
	if (operation != RMFORK_OP_RESTORE_ALL)
		ubmem_note_mapped(r->ub);
	return ret;
}

static int restore_snapshot(struct restore *r, const struct rmfork_kargs *kargs)
{
	int ret;

	ret = rmfork_snapshot_check(r->snap);
	if (ret)
		return ret;
	r->mm = rmfork_mm_get(kargs->pid);
	if (IS_ERR(r->mm))
		return PTR_ERR(r->mm);
	ret = restore_mm(r, kargs->rmfork_opt);
	mmput(r->mm);
	return ret;
}

/**
 * rmfork_restore - RESTORE_ONE, RESTORE_ALL and RESTORE_LAZY
 * @ub:	   the pool
 * @kargs: pid, pa, iovs with nr_iovs, and in va the generation or 0
 *
 * Context: takes the target's mmap lock for writing.
 * Return: 0 or -errno. Only after -ENOMEM, -EINTR and -EIO may a part of the pages be in.
 */
long rmfork_restore(struct ubmem *ub, const struct rmfork_kargs *kargs)
{
	struct rmfork_ranges ranges;
	struct restore *r;
	int ret;

	ret = rmfork_ranges_load(&ranges, kargs);
	if (ret)
		return ret;
	r = kzalloc(sizeof(*r), GFP_KERNEL);
	ret = -ENOMEM;
	if (r) {
		r->ub = ub;
		r->ranges = &ranges;
		xa_init(&r->tables);
		r->snap = rmfork_snapshot_get_that(ub, kargs->pa, kargs->va);
		ret = PTR_ERR_OR_ZERO(r->snap);
		if (!ret) {
			ret = restore_snapshot(r, kargs);
			rmfork_snapshot_put(r->snap);
		}
		xa_destroy(&r->tables);
	}
	kfree(r);
	rmfork_ranges_free(&ranges);
	return ret;
}
