// SPDX-License-Identifier: GPL-2.0-only
/*
 * RESTORE_LAZY and SETTLE: pages that go in when they are first touched.
 *
 * An anonymous mapping gets operations of ours, whose fault handler finds the page in the index.
 * The page is mapped as in an ordinary restore: read-only, and copied by the kernel on a write.
 * Where in the index is told by the mapping's page offset, which is the address it was restored at
 * and goes with it when it is split or moved.
 *
 * What was touched once and given up (MADV_DONTNEED) has to read as zeros afterwards, and so has
 * what was given up untouched. No operation of a mapping tells of that; a notifier of the
 * address space does.
 *
 * All this ends with the address space that was restored to: for a child of fork(), as for a
 * mapping that is moved, the pages left are put in at once, as fork() copies page tables anyway,
 * and the mapping is an ordinary one from then on.
 */
#include <linux/mm.h>
#include <linux/mmu_notifier.h>
#include <linux/module.h>
#include <linux/pfn_t.h>
#include <linux/pgtable.h>
#include <linux/rcupdate.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "rmfork-module.h"

#ifdef CONFIG_MMU_NOTIFIER

/**
 * struct rmfork_lazy - a lazy restore, as long as mappings of it are left
 * @ref:     one per mapping, and one of the restore that runs
 * @dead:    in the list of those to be released
 * @mm:      the address space restored to; its mappings keep it
 * @snap:    the snapshot
 * @watch:   tells what is given up in @mm
 * @first:   per range of the index: how many pages come before it
 * @moved:   key at which the part of a mapping ends that is being moved, under the mmap lock held for
 *	     writing
 * @gone:    a bit per page of the index: not to be put in, or not any more
 * @scratch: pages to insert, under the mmap lock held for writing
 */
struct rmfork_lazy {
	struct kref ref;
	struct llist_node dead;
	struct mm_struct *mm;
	struct rmfork_snapshot *snap;
	struct mmu_notifier *watch;
	u64 *first;
	u64 moved;
	unsigned long *gone;
	struct page *scratch[PTRS_PER_PTE];
};

/* What a first write finds where nothing is stored: it is copied, and never mapped. */
static struct page *zeros;

static const struct vm_operations_struct lazy_vm_ops;

static struct rmfork_lazy *lazy_of(const struct vm_area_struct *vma)
{
	return vma->vm_ops == &lazy_vm_ops ? vma->vm_private_data : NULL;
}

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

/* The key of an address in a lazy mapping, and back. */
static u64 key_of(const struct vm_area_struct *vma, unsigned long addr)
{
	return ((u64)vma->vm_pgoff << PAGE_SHIFT) + (addr - vma->vm_start);
}

static unsigned long addr_of(const struct vm_area_struct *vma, u64 key)
{
	return vma->vm_start + (key - ((u64)vma->vm_pgoff << PAGE_SHIFT));
}

/*
 * Calls @fn for each run of stored pages in [addr, end) of a lazy mapping: its address, the number
 * of the first page in the index, where that lies, and how many.
 */
typedef int (*run_fn)(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		      u64 which, u64 data_off, u64 nr);

static int for_each_run(struct vm_area_struct *vma, unsigned long addr, unsigned long end,
			run_fn fn)
{
	struct rmfork_lazy *lazy = vma->vm_private_data;
	const struct rmfork_index *index = &lazy->snap->index;
	u64 key = key_of(vma, addr), key_end = key + (end - addr), from, to, skip;
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
		ret = fn(lazy, vma, addr_of(vma, from), lazy->first[i] + skip,
			 range->data_off + (skip << PAGE_SHIFT), (to - from) >> PAGE_SHIFT);
		if (ret)
			return ret;
	}
	return 0;
}

static int mark_wanted(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		       u64 which, u64 data_off, u64 nr)
{
	for (; nr; nr--, which++)
		clear_bit(which, lazy->gone);
	return 0;
}

static int mark_gone(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		     u64 which, u64 data_off, u64 nr)
{
	/* Bit by bit: others may mark neighbours, and nobody holds a lock. */
	for (; nr; nr--, which++)
		set_bit(which, lazy->gone);
	return 0;
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
	start = pte_offset_map_lock(mm, pmd, addr, &ptl);
	for (ptep = start, at = addr; at < next && pte_none(*ptep); ptep++)
		at += PAGE_SIZE;
	pte_unmap_unlock(start, ptl);
	return (at - addr) >> PAGE_SHIFT;
}

/*
 * Inserts what is not mapped yet of a run. The mmap lock is held for writing. In a child of fork()
 * it is the parent's page tables that tell: they may not have been copied yet.
 */
static int fill_run(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
		    u64 which, u64 data_off, u64 nr)
{
	struct ubmem *ub = lazy->snap->ub;
	unsigned long n, left, i;
	int ret;

	while (nr) {
		n = 0;
		if (!test_bit(which, lazy->gone))
			n = count_unmapped(lazy->mm, addr, nr);
		for (i = 0; i < n && !test_bit(which + i, lazy->gone); i++)
			lazy->scratch[i] = ubmem_page(ub, data_off + (i << PAGE_SHIFT));
		n = left = i;
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

static LLIST_HEAD(dead_lazies);

static void lazy_reap(struct work_struct *work)
{
	struct llist_node *dead = llist_del_all(&dead_lazies);
	struct rmfork_lazy *lazy, *next;

	llist_for_each_entry_safe(lazy, next, dead, dead) {
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

static void lazy_put(struct rmfork_lazy *lazy)
{
	kref_put(&lazy->ref, lazy_release);
}

/* Makes a mapping an ordinary one. Gives up its reference. */
static void detach(struct vm_area_struct *vma)
{
	struct rmfork_lazy *lazy = vma->vm_private_data;

	vma->vm_ops = NULL;
	vma->vm_private_data = NULL;
	lazy_put(lazy);
}

static int fill(struct vm_area_struct *vma)
{
	return for_each_run(vma, vma->vm_start, vma->vm_end, fill_run);
}

/* For a mapping that could not be filled, in a child whose fork() can no longer fail. */
static vm_fault_t broken_fault(struct vm_fault *vmf)
{
	return VM_FAULT_SIGBUS;
}

static const struct vm_operations_struct broken_vm_ops = {
	.fault = broken_fault,
};

/* A copy of a mapping: a piece that was split off, or one in a child of fork(). */
static void lazy_open(struct vm_area_struct *vma)
{
	struct rmfork_lazy *lazy = vma->vm_private_data;
	int ret = 0;

	if (vma->vm_mm == lazy->mm) {
		kref_get(&lazy->ref);
		return;
	}
	/* The parent's mapping keeps its reference, and its lock keeps @lazy->scratch ours. */
	if (!(vma->vm_flags & VM_WIPEONFORK))
		ret = fill(vma);
	vma->vm_ops = ret ? &broken_vm_ops : NULL;
	vma->vm_private_data = NULL;
}

/*
 * What is unmapped must not show in a mapping that grows to its place. The new mapping of a move
 * that failed is at another place than its pages.
 */
static void lazy_close(struct vm_area_struct *vma)
{
	if (key_of(vma, vma->vm_start) == vma->vm_start)
		for_each_run(vma, vma->vm_start, vma->vm_end, mark_gone);
	lazy_put(vma->vm_private_data);
}

/*
 * A mapping was moved: @vma is the new one, which lazy_open() has seen. The old one, if it stays
 * (MREMAP_DONTUNMAP), reads as zeros. The new one may be longer: what lay behind the old one is
 * somebody else's.
 */
static int lazy_mremap(struct vm_area_struct *vma)
{
	struct rmfork_lazy *lazy = vma->vm_private_data;
	unsigned long end = min(vma->vm_end, addr_of(vma, lazy->moved));
	int ret = for_each_run(vma, vma->vm_start, end, fill_run);

	if (ret)
		return ret;
	for_each_run(vma, vma->vm_start, end, mark_gone);
	detach(vma);
	return 0;
}

/* The stored page at an address of a lazy mapping, or NULL. */
static struct page *lazy_page(struct rmfork_lazy *lazy, u64 key)
{
	const struct rmfork_index *index = &lazy->snap->index;
	const struct rmfork_range *range;
	u64 i = find_range(index, key);

	if (i == index->nr || index->ranges[i].vaddr > key)
		return NULL;
	range = &index->ranges[i];
	if (test_bit(lazy->first[i] + ((key - range->vaddr) >> PAGE_SHIFT), lazy->gone))
		return NULL;
	return ubmem_page(lazy->snap->ub, range->data_off + (key - range->vaddr));
}

static vm_fault_t lazy_fault(struct vm_fault *vmf)
{
	struct page *page = lazy_page(vmf->vma->vm_private_data, (u64)vmf->pgoff << PAGE_SHIFT);

	if (!page && !(vmf->flags & FAULT_FLAG_WRITE))
		return vmf_insert_mixed(vmf->vma, vmf->address & PAGE_MASK,
					pfn_to_pfn_t(my_zero_pfn(vmf->address)));
	vmf->page = page ? page : zeros;
	get_page(vmf->page);
	return 0;
}

static const struct vm_operations_struct lazy_vm_ops = {
	.open = lazy_open,
	.close = lazy_close,
	.mremap = lazy_mremap,
	.fault = lazy_fault,
};

/*
 * A mapping that is split asks for its huge pages to be split first, whether or not it has any, and
 * that looks like giving up 2 MiB. But it is done by whoever holds the mmap lock for writing,
 * and nothing is given up so.
 */
static bool is_split(const struct mmu_notifier_range *range)
{
	return atomic_long_read(&range->mm->mmap_lock.owner) == (long)current;
}

/*
 * Pages are about to be given up, or exchanged for copies, which does no harm: a page of which
 * there is a copy is not wanted any more. May be called without the mmap lock (reclaim), but then
 * with one that keeps the mapping.
 */
static int watch_invalidate(struct mmu_notifier *watch, const struct mmu_notifier_range *range)
{
	struct vm_area_struct *vma = range->vma;
	unsigned long start, end;

	if (!vma || !lazy_of(vma))
		return 0;
	/* Told before a part of a mapping is moved, or unmapped. */
	if (range->event == MMU_NOTIFY_UNMAP)
		lazy_of(vma)->moved = key_of(vma, range->end);
	if (range->event != MMU_NOTIFY_CLEAR || is_split(range))
		return 0;
	start = max(range->start, vma->vm_start);
	end = min(range->end, vma->vm_end);
	if (start < end)
		for_each_run(vma, start, end, mark_gone);
	return 0;
}

static struct mmu_notifier *watch_alloc(struct mm_struct *mm)
{
	struct mmu_notifier *watch = kzalloc(sizeof(*watch), GFP_KERNEL);

	return watch ? watch : ERR_PTR(-ENOMEM);
}

static void watch_free(struct mmu_notifier *watch)
{
	kfree(watch);
}

static const struct mmu_notifier_ops watch_ops = {
	.invalidate_range_start = watch_invalidate,
	.alloc_notifier = watch_alloc,
	.free_notifier = watch_free,
};

/*
 * Registers the notifier. That gives up with -EINTR if any signal is pending, where only one that
 * kills may end an operation: so the others wait.
 */
static struct mmu_notifier *watch_get(struct mm_struct *mm)
{
	struct mmu_notifier *watch;
	sigset_t others, old;

	siginitsetinv(&others, sigmask(SIGKILL));
	sigprocmask(SIG_BLOCK, &others, &old);
	watch = mmu_notifier_get_locked(&watch_ops, mm);
	sigprocmask(SIG_SETMASK, &old, NULL);
	return watch;
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
 * rmfork_lazy_begin - prepare a lazy restore
 * @snap: the snapshot; the caller has a reference, the result gets one of its own
 * @mm:	  the address space, mmap lock write-held
 *
 * Return: to be dropped by rmfork_lazy_end(), or an ERR_PTR of -ENOMEM or -EINTR.
 */
struct rmfork_lazy *rmfork_lazy_begin(struct rmfork_snapshot *snap, struct mm_struct *mm)
{
	struct rmfork_lazy *lazy = kzalloc(sizeof(*lazy), GFP_KERNEL);
	int ret;

	if (!lazy)
		return ERR_PTR(-ENOMEM);
	__module_get(THIS_MODULE);
	kref_init(&lazy->ref);
	kref_get(&snap->ref);
	lazy->snap = snap;
	lazy->mm = mm;
	ret = number_pages(lazy);
	if (!ret) {
		lazy->watch = watch_get(mm);
		ret = PTR_ERR_OR_ZERO(lazy->watch);
		if (ret)
			lazy->watch = NULL;
	}
	if (ret) {
		lazy_put(lazy);
		return ERR_PTR(ret);
	}
	return lazy;
}

/**
 * rmfork_lazy_end - the restore is done, or given up
 * @lazy: what rmfork_lazy_begin() returned
 */
void rmfork_lazy_end(struct rmfork_lazy *lazy)
{
	lazy_put(lazy);
}

/* Huge pages of an ordinary anonymous mapping would not survive the change. */
static bool holds_huge(const struct vm_area_struct *vma)
{
	unsigned long addr, next;
	pmd_t *pmd;

	for (addr = vma->vm_start; addr < vma->vm_end; addr = next) {
		pmd = rmfork_pmd(vma->vm_mm, addr, vma->vm_end, &next);
		if (pmd && !pmd_none(*pmd) && pmd_bad(*pmd))
			return true;
	}
	return false;
}

/**
 * rmfork_lazy_attach - have a part of a mapping filled when it is touched
 * @lazy: the restore
 * @vma:  a mapping, mmap lock write-held
 * @addr: from here
 * @end:  up to here; further calls may add to that
 *
 * Return: whether the mapping is of a kind that this can be done for.
 */
bool rmfork_lazy_attach(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
			unsigned long end)
{
	if (!lazy_of(vma)) {
		/* A stack has the arguments, which /proc reads from anonymous memory alone. */
		if (!vma_is_anonymous(vma) || (vma->vm_flags & VM_GROWSDOWN) || vma->vm_pgoff != vma->vm_start >> PAGE_SHIFT ||
		    holds_huge(vma))
			return false;
		kref_get(&lazy->ref);
		vma->vm_private_data = lazy;
		vma->vm_flags |= VM_MIXEDMAP;
		vma->vm_ops = &lazy_vm_ops;
	}
	for_each_run(vma, addr, end, mark_wanted);
	return true;
}

/**
 * rmfork_lazy_vma - whether a mapping is anonymous memory that is filled lazily
 * @vma: the mapping, under its mmap lock
 */
bool rmfork_lazy_vma(const struct vm_area_struct *vma)
{
	return lazy_of(vma);
}

/**
 * rmfork_settle - put in what lazy restores have left
 * @mm: the address space
 *
 * Context: takes the mmap lock for writing.
 * Return: 0, -ENOMEM or -EINTR; then some is still left.
 */
int rmfork_settle(struct mm_struct *mm)
{
	struct vm_area_struct *vma;
	unsigned long addr = 0;
	int ret = 0;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	while (!ret && (vma = find_vma(mm, addr))) {
		addr = vma->vm_end;
		if (!lazy_of(vma))
			continue;
		ret = fatal_signal_pending(current) ? -EINTR : fill(vma);
		if (ret)
			continue;
		for_each_run(vma, vma->vm_start, vma->vm_end, mark_gone);
		detach(vma);
	}
	mmap_write_unlock(mm);
	return ret;
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

/**
 * rmfork_lazy_init - when the module is loaded
 *
 * Return: 0 or -ENOMEM.
 */
int rmfork_lazy_init(void)
{
	zeros = alloc_page(GFP_KERNEL | __GFP_ZERO);
	return zeros ? 0 : -ENOMEM;
}

/**
 * rmfork_lazy_exit - when the module is unloaded: nothing is lazy any more
 */
void rmfork_lazy_exit(void)
{
	rmfork_lazy_flush();
	mmu_notifier_synchronize();
	/* Whoever gave up the last mapping may not have left our code yet. */
#ifdef CONFIG_TASKS_RCU
	synchronize_rcu_tasks();
#else
	synchronize_rcu();
#endif
	put_page(zeros);
}

#endif /* CONFIG_MMU_NOTIFIER */
