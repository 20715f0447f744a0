// SPDX-License-Identifier: GPL-2.0-only
/*
 * Entering the pages of one snapshot by several processors.
 *
 * The restore itself does, batch by batch, what can fail or changes a mapping: it enters the first page,
 * which brings the page table, charged to the task. What is left of the batch only fills the entries
 * of a page table that is there and that nobody else uses: the restore holds the mmap lock for writing until all
 * is done. VM_MIXEDMAP, which vm_insert_pages() would set, is there before they begin and goes when they have ended:
 * none of them writes to a mapping's flags. Helpers hold no lock on its behalf but those of page tables.
 *
 * The caller takes part. A helper that has not begun when nothing is left is not waited for.
 */
#include <linux/kthread.h>
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/slab.h>
#include <linux/workqueue.h>

#include "mm/compat.h"
#include "mm/insert.h"
#include "ubmem/ubmem.h"

/* The caller, and at most three helpers: it is memory that limits then. */
#define MAX_WORKERS 4U
/* One helper more is worth waking for so many pages, 2 MiB. */
#define PAGES_PER_WORKER 512
/* What is less goes faster than it is written down. */
#define MIN_BATCH 64

/**
 * struct insert_batch - pages of one mapping and of one page table, which is there
 */
struct insert_batch {
	struct vm_area_struct *vma;
	unsigned long addr;
	unsigned long nr;
	u64 data_off;
};

/**
 * struct insert_worker - one of the threads that insert
 * @work: what the helpers are queued by
 * @ins: what they belong to
 * @pages: of the batch that it inserts
 */
struct insert_worker {
	struct work_struct work;
	struct rmfork_insert *ins;
	struct page *pages[PTRS_PER_PTE];
};

/**
 * struct rmfork_insert - what is left to insert, and by whom
 * @ub:	     the pool
 * @mm:	     the target's
 * @batches: to be entered
 * @nr:	     how many
 * @room:    for so many
 * @next:    the first that nobody has taken yet
 * @error:   of whoever failed first, which ends it for all
 * @workers:   [0] is the caller's
 * @nr_workers: how many, 2 at least
 */
struct rmfork_insert {
	struct ubmem *ub;
	struct mm_struct *mm;
	struct insert_batch *batches;
	u64 nr;
	u64 room;
	atomic64_t next;
	int error;
	struct insert_worker *workers;
	unsigned int nr_workers;
};

static int enter(struct insert_worker *worker, const struct insert_batch *b)
{
	unsigned long i, left = b->nr;
	int ret;

	for (i = 0; i < b->nr; i++)
		worker->pages[i] = ubmem_page(worker->ins->ub, b->data_off + (i << PAGE_SHIFT));
	ret = vm_insert_pages(b->vma, b->addr, worker->pages, &left);
	return ret == -EFAULT ? -ENOMEM : ret;
}

/* Takes one batch after the other until there is none. */
static void insert_batches(struct insert_worker *worker)
{
	struct rmfork_insert *ins = worker->ins;
	u64 which;
	int ret;

	while (!READ_ONCE(ins->error)) {
		which = atomic64_inc_return(&ins->next) - 1;
		if (which >= ins->nr)
			return;
		ret = fatal_signal_pending(current) ? -EINTR : enter(worker, &ins->batches[which]);
		if (ret)
			WRITE_ONCE(ins->error, ret);
		cond_resched();
	}
}

static void worker_fn(struct work_struct *work)
{
	struct insert_worker *worker = container_of(work, struct insert_worker, work);

	/* So that pages are counted here first, and not one by one in what all processors share. */
	kthread_use_mm(worker->ins->mm);
	insert_batches(worker);
	kthread_unuse_mm(worker->ins->mm);
}

static struct rmfork_insert *alloc_insert(unsigned int nr_workers, u64 room)
{
	struct rmfork_insert *ins = kzalloc(sizeof(*ins), GFP_KERNEL);

	if (!ins)
		return NULL;
	ins->workers = kvcalloc(nr_workers, sizeof(*ins->workers), GFP_KERNEL);
	ins->batches = kvmalloc_array(room, sizeof(*ins->batches), GFP_KERNEL);
	if (ins->workers && ins->batches)
		return ins;
	rmfork_insert_free(ins);
	return NULL;
}

/**
 * rmfork_insert_alloc - prepare to insert the pages of a restore by several processors
 * @ub: the pool
 * @mm: the target's; its mmap lock is write-held until rmfork_insert_run() is done
 * @nr_pages: how many there are to enter
 *
 * Return: it, to be given to rmfork_insert_free(), or NULL: not worth it, or no memory for it.
 */
struct rmfork_insert *rmfork_insert_alloc(struct ubmem *ub, struct mm_struct *mm, u64 nr_pages)
{
	unsigned int i, nr_workers;
	struct rmfork_insert *ins;

	nr_workers = min_t(u64, nr_pages / PAGES_PER_WORKER, min(num_online_cpus(), MAX_WORKERS));
	if (nr_workers < 2)
		return NULL;
	ins = alloc_insert(nr_workers, nr_pages / MIN_BATCH);
	if (!ins)
		return NULL;
	ins->ub = ub;
	ins->mm = mm;
	ins->room = nr_pages / MIN_BATCH;
	ins->nr_workers = nr_workers;
	for (i = 0; i < nr_workers; i++) {
		ins->workers[i].ins = ins;
		INIT_WORK(&ins->workers[i].work, worker_fn);
	}
	return ins;
}

/**
 * rmfork_insert_wants - whether a batch is to be inserted by several processors
 * @ins: from rmfork_insert_alloc(), or NULL
 * @vma: where it goes
 * @nr: pages in it
 */
bool rmfork_insert_wants(const struct rmfork_insert *ins, struct vm_area_struct *vma, unsigned long nr)
{
	return ins && nr > MIN_BATCH && ins->nr < ins->room;
}

/**
 * rmfork_insert_add - add a batch that is wanted
 * @ins: from rmfork_insert_alloc()
 * @vma: the mapping
 * @addr: of the first page. Its page table is there, and has all the others
 * @nr: how many pages
 * @data_off: where the first lies in ubmem
 */
void rmfork_insert_add(struct rmfork_insert *ins, struct vm_area_struct *vma, unsigned long addr,
		       unsigned long nr, u64 data_off)
{
	ins->batches[ins->nr++] = (struct insert_batch){ vma, addr, nr, data_off };
}

/* VM_MIXEDMAP, which no mapping of ordinary anonymous memory has. */
static void set_mixed(struct rmfork_insert *ins, bool mixed)
{
	u64 i;

	for (i = 0; i < ins->nr; i++)
		rmfork_vma_flags(ins->batches[i].vma, mixed ? VM_MIXEDMAP : 0, mixed ? 0 : VM_MIXEDMAP);
}

/**
 * rmfork_insert_run - insert all that was added
 * @ins: from rmfork_insert_alloc()
 *
 * Return: 0, -EINTR or -ENOMEM; in any case no helper runs any more.
 */
int rmfork_insert_run(struct rmfork_insert *ins)
{
	unsigned int i;

	set_mixed(ins, true);
	for (i = 1; i < ins->nr_workers; i++)
		queue_work(rmfork_unbound_wq, &ins->workers[i].work);
	insert_batches(&ins->workers[0]);
	for (i = 1; i < ins->nr_workers; i++)
		cancel_work_sync(&ins->workers[i].work);
	set_mixed(ins, false);
	return ins->error;
}

/**
 * rmfork_insert_free - undo rmfork_insert_alloc()
 * @ins: from rmfork_insert_alloc(), or NULL
 */
void rmfork_insert_free(struct rmfork_insert *ins)
{
	if (!ins)
		return;
	kvfree(ins->batches);
	kvfree(ins->workers);
	kfree(ins);
}
