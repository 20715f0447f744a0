// SPDX-License-Identifier: GPL-2.0-only
/*
 * RESTORE_LAZY and SETTLE: pages that go in when they are first touched.
 *
 * An anonymous mapping gets operations of ours, whose fault handler finds the page in the index.
 * The page is mapped as in an ordinary restore: read-only, and copied by the kernel on a write, which for one
 * that was not touched yet is a second fault.
 *
 * What was touched once and given up (MADV_DONTNEED) has to read as zeros afterwards, and so has
 * what was given up untouched. No operation of a mapping tells of that; a notifier of the
 * address space does: by CLEAR, after which the pages are taken out. A page is put in, and said to be given up,
 * under one lock (rmfork_lazy_enter()), so that no page goes in after it was given up.
 *
 * CLEAR also tells of pages that are exchanged: copied, moved, or swapped out. That is about pages which
 * were in, and which are not wanted any more. But whoever splits a huge page says CLEAR of 2 MiB around
 * it in all mappings that could have it, those of the same anon_vma, and gives up nothing. Therefore a
 * lazy mapping has its anon_vma to itself and other lazy mappings, in which there is no huge page:
 *
 *   - one that has an anon_vma already is filled at once;
 *   - VM_MIXEDMAP, which only lazy mappings have, keeps the kernel from giving them the anon_vma
 *     of an ordinary neighbour, or the neighbour theirs, and from making huge pages there;
 *   - when one mapping becomes ordinary, all become so that have its anon_vma.
 *
 * For a mapping that is moved the pages left are put in at once, and it is an ordinary one from then on. So are
 * all with the first fork(), which copies page tables anyway. A child's pages have an anon_vma of their own, but not
 * if they come back from swap while a child of it has them too: then they get the oldest one of the family, ours
 * (__page_set_anon_rmap()), and who swaps them out again says CLEAR of the parent's mapping as well.
 */
#include "mm/compat.h"

#ifdef RMFORK_LAZY
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

#include "mm/lazy.h"
#include "mm/lazy-pages.h"
#include "mm/pgtable.h"

static const struct vm_operations_struct lazy_vm_ops;

/*
 * The lazy restore of a mapping, or NULL. Asked without the mmap lock, one that may have been detached meanwhile;
 * then only within the SRCU section of a notifier.
 */
static struct rmfork_lazy *lazy_of(const struct vm_area_struct *vma)
{
	if (READ_ONCE(vma->vm_ops) != &lazy_vm_ops)
		return NULL;
	return READ_ONCE(vma->vm_private_data);
}

/* Makes a mapping an ordinary one; its mmap lock is held for writing. */
static void make_ordinary(struct vm_area_struct *vma)
{
	WRITE_ONCE(vma->vm_ops, NULL);
	WRITE_ONCE(vma->vm_private_data, NULL);
	rmfork_vma_flags(vma, 0, VM_MIXEDMAP);
}

/* Likewise, with what is still to come given up, and the mapping's reference. */
static void detach(struct vm_area_struct *vma)
{
	struct rmfork_lazy *lazy = lazy_of(vma);

	rmfork_lazy_give_up(lazy, vma, vma->vm_start, vma->vm_end);
	make_ordinary(vma);
	rmfork_lazy_put(lazy);
}

static int fill(struct vm_area_struct *vma)
{
	return rmfork_lazy_fill(lazy_of(vma), vma, vma->vm_start, vma->vm_end);
}

/*
 * For a mapping that could not be filled, in a child whose fork() can no longer fail, and where nobody
 * keeps the module: whoever touches it gets SIGSEGV, and nobody can change that. What mprotect() counts is
 * counted. fork() does not go on to copy the parent's page tables, nor does one of the child.
 */
static void make_inaccessible(struct vm_area_struct *vma)
{
	zap_page_range(vma, vma->vm_start, vma->vm_end - vma->vm_start);
	if (vma->vm_flags & VM_WRITE)
		vma->vm_mm->data_vm -= vma_pages(vma);
	else if (vma->vm_flags & VM_EXEC)
		vma->vm_mm->exec_vm -= vma_pages(vma);
	rmfork_vma_flags(vma, VM_WIPEONFORK, VM_ACCESS_FLAGS | VM_MAYREAD | VM_MAYWRITE | VM_MAYEXEC);
	vma->vm_page_prot = vm_get_page_prot(vma->vm_flags);
}

/*
 * What is unmapped must not show in a mapping that grows to its place. The new mapping of a move
 * that failed is at another place than its pages.
 */
static void lazy_close(struct vm_area_struct *vma)
{
	struct rmfork_lazy *lazy = lazy_of(vma);

	if (rmfork_lazy_key(vma, vma->vm_start) == vma->vm_start)
		rmfork_lazy_give_up(lazy, vma, vma->vm_start, vma->vm_end);
	rmfork_lazy_put(lazy);
}

/* The first lazy mapping that ends above *@addr, which is set to its end; or NULL. */
static struct vm_area_struct *next_lazy(struct mm_struct *mm, unsigned long *addr)
{
	struct vm_area_struct *vma;

	while ((vma = find_vma(mm, *addr))) {
		*addr = vma->vm_end;
		if (lazy_of(vma))
			return vma;
	}
	return NULL;
}

/*
 * Fills and detaches the lazy mappings of an address space that have the anon_vma of @like (but not @like itself), or
 * all if that is NULL: all or none.
 */
static int settle(struct mm_struct *mm, const struct vm_area_struct *like)
{
	struct vm_area_struct *vma;
	unsigned long addr;
	int ret = 0;

	for (addr = 0; !ret && (vma = next_lazy(mm, &addr));)
		if (!like || (vma != like && vma->anon_vma == like->anon_vma))
			ret = fatal_signal_pending(current) ? -EINTR : fill(vma);
	if (ret)
		return ret;
	for (addr = 0; (vma = next_lazy(mm, &addr));)
		if (!like || (vma != like && vma->anon_vma == like->anon_vma))
			detach(vma);
	return 0;
}

/*
 * A copy of a mapping: a piece that was split off, or one in a child of fork(), which holds the parent's mmap lock
 * for writing and copies page tables after this. @lazy goes with the parent's mappings.
 */
static void lazy_open(struct vm_area_struct *vma)
{
	struct rmfork_lazy *lazy = lazy_of(vma);
	int ret = 0;

	if (vma->vm_mm == lazy->mm) {
		rmfork_lazy_get(lazy);
		return;
	}
	if (!(vma->vm_flags & VM_WIPEONFORK))
		ret = settle(lazy->mm, NULL);
	make_ordinary(vma);
	if (ret)
		make_inaccessible(vma);
}

/*
 * A mapping was moved: @vma is the new one, which lazy_open() has seen. The old one, if it stays
 * (MREMAP_DONTUNMAP), reads as zeros. The new one may be longer: what lay behind the old one is
 * somebody else's. It is an ordinary one, so nobody may be lazy who has the same anon_vma. If that fails all
 * pages are moved back, and nothing is missing there.
 */
static int lazy_mremap(struct vm_area_struct *vma)
{
	struct rmfork_lazy *lazy = lazy_of(vma);
	unsigned long end = min(vma->vm_end, rmfork_lazy_addr(vma, READ_ONCE(lazy->moved)));
	int ret = rmfork_lazy_fill(lazy, vma, vma->vm_start, end);

	if (ret)
		return ret;
	rmfork_lazy_give_up(lazy, vma, vma->vm_start, end);
	ret = settle(vma->vm_mm, vma);
	if (ret)
		return ret;
	make_ordinary(vma);
	rmfork_lazy_put(lazy);
	return 0;
}

/*
 * The page table comes first: under its lock rmfork_lazy_enter() allocates nothing. It stays until mappings
 * change, as there is nothing huge here.
 */
static vm_fault_t lazy_fault(struct vm_fault *vmf)
{
	struct vm_area_struct *vma = vmf->vma;
	unsigned long addr = vmf->address & PAGE_MASK;
	int ret = 0;

	if (pmd_none(READ_ONCE(*vmf->pmd)))
		ret = apply_to_page_range(vma->vm_mm, addr, PAGE_SIZE, NULL, NULL);
	if (!ret)
		ret = rmfork_lazy_enter(lazy_of(vma), vma, addr);
	/* Nothing is stored, or it was given up: zeros, which a write replaces. */
	if (ret == -ENOENT)
		return vmf_insert_mixed(vma, addr, pfn_to_pfn_t(my_zero_pfn(addr)));
	if (!ret)
		return VM_FAULT_NOPAGE;
	return ret == -ENOMEM ? VM_FAULT_OOM : VM_FAULT_SIGBUS;
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
 * with one that keeps the mapping where it is; not what it is: it may be detached at any time.
 */
static int watch_invalidate(struct mmu_notifier *watch, const struct mmu_notifier_range *range)
{
	struct vm_area_struct *vma = range->vma;
	struct rmfork_lazy *lazy = vma ? lazy_of(vma) : NULL;
	unsigned long start, end;

	if (!lazy)
		return 0;
	/* Told before a part of a mapping is moved, or unmapped. */
	if (range->event == MMU_NOTIFY_UNMAP)
		WRITE_ONCE(lazy->moved, rmfork_lazy_key(vma, range->end));
	if (range->event != MMU_NOTIFY_CLEAR || is_split(range))
		return 0;
	start = max(range->start, vma->vm_start);
	end = min(range->end, vma->vm_end);
	if (start < end)
		rmfork_lazy_give_up(lazy, vma, start, end);
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

/**
 * rmfork_lazy_begin - prepare a lazy restore
 * @snap: the snapshot; the caller has a reference, the result gets one of its own
 * @mm:	  the address space, mmap lock write-held
 *
 * Return: to be dropped by rmfork_lazy_end(), or an ERR_PTR of -ENOMEM or -EINTR.
 */
struct rmfork_lazy *rmfork_lazy_begin(struct rmfork_snapshot *snap, struct mm_struct *mm)
{
	struct rmfork_lazy *lazy = rmfork_lazy_new(snap, mm);
	struct mmu_notifier *watch;

	if (IS_ERR(lazy))
		return lazy;
	watch = watch_get(mm);
	if (IS_ERR(watch)) {
		rmfork_lazy_put(lazy);
		return ERR_CAST(watch);
	}
	lazy->watch = watch;
	return lazy;
}

/**
 * rmfork_lazy_end - the restore is done, or given up
 * @lazy: what rmfork_lazy_begin() returned
 */
void rmfork_lazy_end(struct rmfork_lazy *lazy)
{
	rmfork_lazy_put(lazy);
}

/**
 * rmfork_lazy_possible - whether this kernel offers what a lazy restore needs
 */
bool rmfork_lazy_possible(void)
{
	return true;
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

/*
 * Whether a mapping can be made a lazy one. A stack has the arguments, which /proc reads from anonymous
 * memory alone. What is locked has to be there. By its anon_vma others could have huge pages where this
 * one is; a huge page of zeros comes without.
 */
static bool can_be_lazy(const struct vm_area_struct *vma)
{
	return vma_is_anonymous((struct vm_area_struct *)vma) && !vma->anon_vma &&
	       !(vma->vm_flags & (VM_GROWSDOWN | VM_LOCKED)) &&
	       vma->vm_pgoff == vma->vm_start >> PAGE_SHIFT &&
	       !holds_huge(vma);
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
		if (!can_be_lazy(vma))
			return false;
		rmfork_lazy_get(lazy);
		WRITE_ONCE(vma->vm_private_data, lazy);
		rmfork_vma_flags(vma, VM_MIXEDMAP, 0);
		WRITE_ONCE(vma->vm_ops, &lazy_vm_ops);
	}
	rmfork_lazy_want(lazy, vma, addr, end);
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
 * Return: 0, -ENOMEM or -EINTR; then all mappings are as lazy as before.
 */
int rmfork_settle(struct mm_struct *mm)
{
	int ret;

	if (mmap_write_lock_killable(mm))
		return -EINTR;
	ret = settle(mm, NULL);
	mmap_write_unlock(mm);
	return ret;
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
}

#endif /* RMFORK_LAZY */
