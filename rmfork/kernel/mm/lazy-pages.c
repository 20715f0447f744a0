// SPDX-License-Identifier: GPL-2.0-only
/*
 * The pages of a lazy restore: which are still to be put in, and putting them in.
 *
 * Where in the index a page is found is told by the mapping's page offset, which is the address it was
 * restored at and goes with it when it is split or moved: its key.
 */
#include <linux/bitmap.h>
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/pgtable.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "mm/compat.h"
#include "mm/lazy.h"
#include "mm/lazy-pages.h"
#include "mm/pgtable.h"
#include "snapshot/snapshot.h"
#include "ubmem/reclaim.h"
#include "ubmem/ubmem.h"

#ifdef RMFORK_LAZY

/* The first range that ends above the key @key, an address of the time of the dump. */
static u64 find_range(const struct rmfork_index *index, u64 key)
{
	u64 low = 0, high = index->nr, middle;
	const struct rmfork_range *range;

	while (low < high) {
		middle = low + (high - low) / 2;
		range = &index->ranges[middle];
		if (range->vaddr + (range->nr_pages << PAGE_SHIFT) <= key)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/*
 * Calls @fn for each run of stored pages in [addr, end) of a lazy mapping: its address, the number
 * of the first page in the index, where that lies, and how many.
 */
typedef int (*run_fn)(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		      u64 which, u64 data_off, u64 nr);

static int walk_runs(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		     unsigned long end, run_fn fn)
{
	const struct rmfork_index *index = &lazy->snap->index;
	u64 key = rmfork_lazy_key(vma, addr), key_end = key + (end - addr), from, to, skip;
	const struct rmfork_range *range;
	u64 i;
	int ret;

	for (i = find_range(index, key); i < index->nr; i++) {
		range = &index->ranges[i];
		if (range->vaddr >= key_end)
			break;
		from = max(key, range->vaddr);
		to = min(key_end, range->vaddr + (range->nr_pages << PAGE_SHIFT));
		skip = (from - range->vaddr) >> PAGE_SHIFT;
		ret = fn(lazy, vma, rmfork_lazy_addr(vma, from), lazy->first[i] + skip,
			 range->data_off + (skip << PAGE_SHIFT), (to - from) >> PAGE_SHIFT);
		if (ret)
			return ret;
	}
	return 0;
}

static int mark_wanted(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		       u64 which, u64 data_off, u64 nr)
{
	spin_lock(&lazy->lock);
	bitmap_clear(lazy->gone, which, nr);
	spin_unlock(&lazy->lock);
	return 0;
}

static int mark_gone(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		     u64 which, u64 data_off, u64 nr)
{
	spin_lock(&lazy->lock);
	bitmap_set(lazy->gone, which, nr);
	spin_unlock(&lazy->lock);
	return 0;
}

/**
 * rmfork_lazy_want - have some pages put in when they are touched
 * @lazy: the restore
 * @vma:  a mapping of it, mmap lock write-held
 * @addr: from here
 * @end:  up to here
 */
void rmfork_lazy_want(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		      unsigned long end)
{
	walk_runs(lazy, vma, addr, end, mark_wanted);
}

/**
 * rmfork_lazy_give_up - some pages are not to be put in any more
 * @lazy: the restore
 * @vma:  a mapping of it, which something keeps from changing
 * @addr: from here
 * @end:  up to here
 *
 * What is in already stays there. What is just being put in is there when this returns.
 */
void rmfork_lazy_give_up(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
			 unsigned long end)
{
	walk_runs(lazy, vma, addr, end, mark_gone);
}

/* How many pages from @addr on, at most @nr and within a page table, are not mapped. */
static u64 count_unmapped(struct mm_struct *mm, unsigned long addr, u64 nr)
{
	unsigned long next, at;
	spinlock_t *ptl;
	pte_t *start, *ptep;
	pmd_t *pmd;

	pmd = rmfork_pmd(mm, addr, addr + (min_t(u64, nr, PTRS_PER_PTE) << PAGE_SHIFT), &next);
	if (!pmd || pmd_none(*pmd))
		return (next - addr) >> PAGE_SHIFT;
	start = rmfork_pte_lock(mm, pmd, addr, &ptl);
	for (ptep = start, at = addr; at < next && pte_none(*ptep); ptep++)
		at += PAGE_SIZE;
	pte_unmap_unlock(start, ptl);
	return (at - addr) >> PAGE_SHIFT;
}

/*
 * Inserts what is not mapped yet of a run. The mmap lock is held for writing.
 */
static int fill_run(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		    u64 which, u64 data_off, u64 nr)
{
	struct ubmem *ub = lazy->snap->ub;
	unsigned long n, left, i;
	int ret;

	while (nr) {
		if (fatal_signal_pending(current))
			return -EINTR;
		n = 0;
		if (!test_bit(which, lazy->gone))
			n = count_unmapped(lazy->mm, addr, nr);
		for (i = 0; i < n && !test_bit(which + i, lazy->gone); i++)
			lazy->scratch[i] = ubmem_page(ub, data_off + (i << PAGE_SHIFT));
		n = i;
		left = i;
		if (n) {
			ret = vm_insert_pages(vma, addr, lazy->scratch, &left);
			if (ret)
				return ret == -EFAULT ? -ENOMEM : ret;
		} else {
			n = 1;
		}
		addr += n << PAGE_SHIFT;
		data_off += n << PAGE_SHIFT;
		which += n;
		nr -= n;
		cond_resched();
	}
	return 0;
}

/**
 * rmfork_lazy_fill - put in what is still to come of a part of a mapping
 * @lazy: the restore
 * @vma:  a mapping of it, mmap lock write-held
 * @addr: from here
 * @end:  up to here
 *
 * Return: 0, -ENOMEM, or -EINTR: the caller is being killed; then some may be in.
 */
int rmfork_lazy_fill(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		     unsigned long end)
{
	return walk_runs(lazy, vma, addr, end, fill_run);
}

/**
 * rmfork_lazy_enter - put in the page of one address
 * @lazy: the restore
 * @vma:  a mapping of it, under its mmap lock
 * @addr: the address; it has a page table
 *
 * Return: 0: something is mapped there now, perhaps by another; -ENOENT: there is nothing to put in, and
 * that stays so; -ENOMEM; -EHWPOISON: the page is bad memory.
 */
int rmfork_lazy_enter(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr)
{
	const struct rmfork_index *index = &lazy->snap->index;
	u64 key = rmfork_lazy_key(vma, addr);
	u64 i = find_range(index, key), skip;
	struct page *page;
	int ret = -ENOENT;

	if (i == index->nr || index->ranges[i].vaddr > key)
		return -ENOENT;
	skip = key - index->ranges[i].vaddr;
	page = ubmem_page(lazy->snap->ub, index->ranges[i].data_off + skip);
	if (PageHWPoison(page))
		return -EHWPOISON;
	spin_lock(&lazy->lock);
	/* Who gives the page up sees to it that it is gone, and then takes out what is there. */
	if (!test_bit(lazy->first[i] + (skip >> PAGE_SHIFT), lazy->gone))
		ret = vm_insert_page(vma, addr, page);
	spin_unlock(&lazy->lock);
	return ret == -EBUSY ? 0 : ret;
}

static LLIST_HEAD(dead_lazies);

static void lazy_free(struct rmfork_lazy *lazy)
{
	if (lazy->watch)
		mmu_notifier_put(lazy->watch);
	kvfree(lazy->first);
	kvfree(lazy->gone);
	/* What was put in may outlive it. */
	ubmem_note_mapped(lazy->snap->ub);
	rmfork_snapshot_put(lazy->snap);
	kfree(lazy);
	module_put(THIS_MODULE);
}

static void lazy_reap(struct work_struct *work)
{
	struct llist_node *dead = llist_del_all(&dead_lazies);
	struct rmfork_lazy *lazy, *next;

	/* Reclaim may have found one of them in a mapping before it was detached, and look into it still. */
	if (dead)
		mmu_notifier_synchronize();
	llist_for_each_entry_safe(lazy, next, dead, dead)
		lazy_free(lazy);
}

static DECLARE_WORK(reaper, lazy_reap);

/*
 * The last mapping may go with its task, where nobody has the module pinned but this. So it is
 * unpinned elsewhere, and whoever unloads the module waits for that and for us.
 */
static void lazy_release(struct kref *ref)
{
	struct rmfork_lazy *lazy = container_of(ref, struct rmfork_lazy, ref);

	llist_add(&lazy->dead, &dead_lazies);
	schedule_work(&reaper);
}

/**
 * rmfork_lazy_get - one mapping more
 * @lazy: the restore
 */
void rmfork_lazy_get(struct rmfork_lazy *lazy)
{
	kref_get(&lazy->ref);
}

/**
 * rmfork_lazy_put - one mapping less, or the restore that has set it up is done
 * @lazy: the restore
 */
void rmfork_lazy_put(struct rmfork_lazy *lazy)
{
	kref_put(&lazy->ref, lazy_release);
}

/**
 * rmfork_lazy_flush - wait until what the last lazy mappings held is given back
 *
 * Context: may sleep; neither a mmap lock nor ub->lock is held.
 */
void rmfork_lazy_flush(void)
{
	flush_work(&reaper);
}

static int number_pages(struct rmfork_lazy *lazy)
{
	const struct rmfork_index *index = &lazy->snap->index;
	u64 i, nr = 0, longs = BITS_TO_LONGS(index->pages + 1);

	/* One more than needed: never of size 0. */
	lazy->first = kvmalloc_array(index->nr + 1, sizeof(*lazy->first), GFP_KERNEL);
	lazy->gone = kvmalloc_array(longs, sizeof(*lazy->gone), GFP_KERNEL);
	if (!lazy->first || !lazy->gone)
		return -ENOMEM;
	/* Until a mapping is attached that wants some. */
	memset(lazy->gone, 0xff, longs * sizeof(*lazy->gone));
	for (i = 0; i < index->nr; i++) {
		lazy->first[i] = nr;
		nr += index->ranges[i].nr_pages;
	}
	return 0;
}

/**
 * rmfork_lazy_new - a lazy restore without mappings, and without a notifier
 * @snap: the snapshot; the caller has a reference, the result gets one of its own
 * @mm:	  the address space
 *
 * Return: with one reference for the caller, or an ERR_PTR of -ENOMEM.
 */
struct rmfork_lazy *rmfork_lazy_new(struct rmfork_snapshot *snap, struct mm_struct *mm)
{
	struct rmfork_lazy *lazy = kzalloc(sizeof(*lazy), GFP_KERNEL);

	if (!lazy)
		return ERR_PTR(-ENOMEM);
	__module_get(THIS_MODULE);
	kref_init(&lazy->ref);
	spin_lock_init(&lazy->lock);
	kref_get(&snap->ref);
	lazy->snap = snap;
	lazy->mm = mm;
	if (!number_pages(lazy))
		return lazy;
	rmfork_lazy_put(lazy);
	return ERR_PTR(-ENOMEM);
}

#endif /* RMFORK_LAZY */
