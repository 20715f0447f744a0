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

#include "rmfork-module.h"

/* The caller, and at most three helpers: it is memory that limits then. */
#define MAX_HANDS 4U
/* One helper more is worth waking for so many pages, 2 MiB. */
#define PAGES_PER_HAND 512
/* What is less goes faster than it is written down. */
#define MIN_BATCH 64

/**
 * struct crew_batch - pages of one mapping and of one page table, which is there
 */
struct crew_batch {
	struct vm_area_struct *vma;
	unsigned long addr;
	unsigned long nr;
	u64 data_off;
};

/**
 * struct crew_hand - one that works
 * @pages: of the batch at hand
 */
struct crew_hand {
	struct work_struct work;
	struct rmfork_crew *crew;
	struct page *pages[PTRS_PER_PTE];
};

/**
 * struct rmfork_crew - what is left to do, and who does it
 * @ub:	     the pool
 * @mm:	     the target's
 * @batches: to be entered
 * @nr:	     how many
 * @room:    for so many
 * @next:    the first that nobody has taken yet
 * @error:   of whoever failed first, which ends it for all
 * @hands:   [0] is the caller's
 * @nr_hands: how many, 2 at least
 */
struct rmfork_crew {
	struct ubmem *ub;
	struct mm_struct *mm;
	struct crew_batch *batches;
	u64 nr;
	u64 room;
	atomic64_t next;
	int error;
	struct crew_hand *hands;
	unsigned int nr_hands;
};

static int enter(struct crew_hand *hand, const struct crew_batch *b)
{
	unsigned long i, left = b->nr;
	int ret;

	for (i = 0; i < b->nr; i++)
		hand->pages[i] = ubmem_page(hand->crew->ub, b->data_off + (i << PAGE_SHIFT));
	ret = vm_insert_pages(b->vma, b->addr, hand->pages, &left);
	return ret == -EFAULT ? -ENOMEM : ret;
}

/* Takes one batch after the other until there is none. */
static void labour(struct crew_hand *hand)
{
	struct rmfork_crew *crew = hand->crew;
	u64 which;
	int ret;

	while (!READ_ONCE(crew->error)) {
		which = atomic64_inc_return(&crew->next) - 1;
		if (which >= crew->nr)
			return;
		ret = fatal_signal_pending(current) ? -EINTR : enter(hand, &crew->batches[which]);
		if (ret)
			WRITE_ONCE(crew->error, ret);
		cond_resched();
	}
}

static void help(struct work_struct *work)
{
	struct crew_hand *hand = container_of(work, struct crew_hand, work);

	/* So that pages are counted here first, and not one by one in what all processors share. */
	kthread_use_mm(hand->crew->mm);
	labour(hand);
	kthread_unuse_mm(hand->crew->mm);
}

static struct rmfork_crew *alloc_crew(unsigned int nr_hands, u64 room)
{
	struct rmfork_crew *crew = kzalloc(sizeof(*crew), GFP_KERNEL);

	if (!crew)
		return NULL;
	crew->hands = kvcalloc(nr_hands, sizeof(*crew->hands), GFP_KERNEL);
	crew->batches = kvmalloc_array(room, sizeof(*crew->batches), GFP_KERNEL);
	if (crew->hands && crew->batches)
		return crew;
	rmfork_crew_dismiss(crew);
	return NULL;
}

/**
 * rmfork_crew_hire - several processors for a restore
 * @ub: the pool
 * @mm: the target's; its mmap lock is write-held until rmfork_crew_run() is done
 * @nr_pages: how many there are to enter
 *
 * Return: the crew, to be given to rmfork_crew_dismiss(), or NULL: not worth it, or no memory for it.
 */
struct rmfork_crew *rmfork_crew_hire(struct ubmem *ub, struct mm_struct *mm, u64 nr_pages)
{
	unsigned int i, nr_hands;
	struct rmfork_crew *crew;

	nr_hands = min_t(u64, nr_pages / PAGES_PER_HAND, min(num_online_cpus(), MAX_HANDS));
	if (nr_hands < 2)
		return NULL;
	crew = alloc_crew(nr_hands, nr_pages / MIN_BATCH);
	if (!crew)
		return NULL;
	crew->ub = ub;
	crew->mm = mm;
	crew->room = nr_pages / MIN_BATCH;
	crew->nr_hands = nr_hands;
	for (i = 0; i < nr_hands; i++) {
		crew->hands[i].crew = crew;
		INIT_WORK(&crew->hands[i].work, help);
	}
	return crew;
}

/**
 * rmfork_crew_wants - whether a batch is to be left to the crew
 * @crew: the crew, or NULL
 * @vma: where it goes
 * @nr: pages in it
 */
bool rmfork_crew_wants(const struct rmfork_crew *crew, struct vm_area_struct *vma, unsigned long nr)
{
	return crew && nr > MIN_BATCH && crew->nr < crew->room;
}

/**
 * rmfork_crew_add - leave a batch to the crew, which wants it
 * @crew: the crew
 * @vma: the mapping
 * @addr: of the first page. Its page table is there, and has all the others
 * @nr: how many pages
 * @data_off: where the first lies in ubmem
 */
void rmfork_crew_add(struct rmfork_crew *crew, struct vm_area_struct *vma, unsigned long addr,
		     unsigned long nr, u64 data_off)
{
	crew->batches[crew->nr++] = (struct crew_batch){ vma, addr, nr, data_off };
}

/* VM_MIXEDMAP, which no mapping of ordinary anonymous memory has. */
static void set_mixed(struct rmfork_crew *crew, bool mixed)
{
	vm_flags_t *flags;
	u64 i;

	for (i = 0; i < crew->nr; i++) {
		flags = &crew->batches[i].vma->vm_flags;
		*flags = mixed ? *flags | VM_MIXEDMAP : *flags & ~VM_MIXEDMAP;
	}
}

/**
 * rmfork_crew_run - enter all that was left to the crew
 * @crew: the crew
 *
 * Return: 0, -EINTR or -ENOMEM; in any case nobody is at work any more.
 */
int rmfork_crew_run(struct rmfork_crew *crew)
{
	unsigned int i;

	set_mixed(crew, true);
	for (i = 1; i < crew->nr_hands; i++)
		queue_work(system_unbound_wq, &crew->hands[i].work);
	labour(&crew->hands[0]);
	for (i = 1; i < crew->nr_hands; i++)
		cancel_work_sync(&crew->hands[i].work);
	set_mixed(crew, false);
	return crew->error;
}

/**
 * rmfork_crew_dismiss - undo rmfork_crew_hire()
 * @crew: the crew, not at work; or NULL
 */
void rmfork_crew_dismiss(struct rmfork_crew *crew)
{
	if (!crew)
		return;
	kvfree(crew->batches);
	kvfree(crew->hands);
	kfree(crew);
}
