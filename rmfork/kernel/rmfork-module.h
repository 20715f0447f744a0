/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the rmfork module know of each other.
 *
 *	main.c		parameters, /dev/rmfork, the table of operations, privilege
 *	syscall.c	registration with the remote_fork system call, where there is one
 *	backing-*.c	where ubmem's pages come from
 *	pool.c		which page of ubmem belongs to whom
 *	layout.c	superblock and snapshot headers
 *	index.c		the index of a snapshot: writing, and reading with every check
 *	snapshot.c	life of a snapshot; QUERY, INFO, LIST, FREE
 *	task.c		finding tasks, ranges, mappings and page tables
 *	dump.c		page tables -> ubmem
 *	restore.c	ubmem -> page tables
 *
 * Lock order: mmap_lock, then ubmem.lock. User memory is never touched under ubmem.lock.
 */
#ifndef RMFORK_MODULE_H
#define RMFORK_MODULE_H

#include <linux/idr.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/workqueue.h>

#include <rmfork/uapi.h>

struct ubmem;

/**
 * struct ubmem_backing - where the pages of a pool come from
 * @name:    for messages
 * @create:  provides ubmem.nr_pages pages, or fails with nothing left behind
 * @destroy: drops the pool's reference to each page. A page some task still maps is freed by the
 *	     last unmapping
 * @page:    the page of number @nr, below ubmem.nr_pages. Its count is one when nobody but the
 *	     pool uses it; it must be fit for vm_insert_page()
 * @owns:    whether a page is one of the pool's
 */
struct ubmem_backing {
	const char *name;
	int (*create)(struct ubmem *ub);
	void (*destroy)(struct ubmem *ub);
	struct page *(*page)(const struct ubmem *ub, u64 nr);
	bool (*owns)(const struct ubmem *ub, const struct page *page);
};

extern const struct ubmem_backing ubmem_backing_alloc;

/* Values of ubmem.owner[] that are not the id of a snapshot. */
#define UBMEM_FREE 0U
#define UBMEM_SYSTEM 1U
#define UBMEM_FIRST_ID 2U
#define UBMEM_PENDING U32_MAX

/**
 * struct ubmem - the pool
 * @backing:	   where pages come from
 * @backing_data:  the backing's own
 * @nr_pages:	   size
 * @uuid:	   drawn when the pool is made
 * @lock:	   guards everything below
 * @owner:	   per page: UBMEM_* or the id of a snapshot. An entry that holds the id of a
 *		   snapshot one has a reference to does not change, and may be read without @lock
 * @free_pages:	   entries that are UBMEM_FREE
 * @pending_pages: entries that are UBMEM_PENDING: of no snapshot, but still in use by a task
 * @hint:	   where to look for a free page first
 * @ids:	   snapshot ids
 * @generation:	   of the newest snapshot
 * @snapshots:	   published ones, oldest first
 * @nr_snapshots:  their number
 * @reclaim:	   looks at pending pages now and then while there are any
 *
 * The module is pinned once per snapshot and once while there are pending pages.
 */
struct ubmem {
	const struct ubmem_backing *backing;
	void *backing_data;
	u64 nr_pages;
	u8 uuid[RMFORK_UUID_BYTES];
	struct mutex lock;
	u32 *owner;
	u64 free_pages;
	u64 pending_pages;
	u64 hint;
	struct ida ids;
	u64 generation;
	struct list_head snapshots;
	u64 nr_snapshots;
	struct delayed_work reclaim;
};

/**
 * struct rmfork_snapshot - one saved task, as this kernel knows it
 * @ub:		the pool
 * @ref:	one for the list while it is published, one per user
 * @node:	in ubmem.snapshots, under ubmem.lock
 * @id:		its mark in ubmem.owner[]
 * @low:	number of its first page
 * @high:	number after its last page
 * @meta_off:	where its header lies
 * @header:	what it says about itself; complete once published
 *
 * ubmem may be written by others, so what memory safety depends on is kept here
 * and in ubmem.owner[], not read back from there.
 */
struct rmfork_snapshot {
	struct ubmem *ub;
	struct kref ref;
	struct list_head node;
	u32 id;
	u64 low;
	u64 high;
	u64 meta_off;
	struct rmfork_snapshot_header header;
};

/* pool.c */
int ubmem_init(struct ubmem *ub, const struct ubmem_backing *backing, u64 nr_pages);
void ubmem_destroy(struct ubmem *ub);
int ubmem_alloc_run(struct rmfork_snapshot *snap, u64 want, u64 *first, u64 *got);
void ubmem_release(struct rmfork_snapshot *snap);
u64 ubmem_pages_in_use(struct rmfork_snapshot *snap);
void ubmem_reclaim(struct ubmem *ub);

static inline struct page *ubmem_page(const struct ubmem *ub, u64 off)
{
	return ub->backing->page(ub, off >> PAGE_SHIFT);
}

/* layout.c */
u32 rmfork_crc(u32 seed, const void *data, size_t len);
void ubmem_read(const struct ubmem *ub, u64 off, void *to, size_t len);
void ubmem_write(const struct ubmem *ub, u64 off, const void *from, size_t len);
void ubmem_write_super(struct ubmem *ub);
void rmfork_header_publish(struct rmfork_snapshot *snap);
void rmfork_header_retract(struct rmfork_snapshot *snap);
int rmfork_header_check(struct rmfork_snapshot *snap);

/**
 * struct rmfork_index_writer - builds the index of a snapshot
 * @snap:      whose
 * @block:     the block being filled
 * @block_off: where it will lie; 0: none yet
 * @first_off: of the first block
 * @crc:       over the ranges of the blocks written
 * @pages:     so far
 * @ranges:    so far
 */
struct rmfork_index_writer {
	struct rmfork_snapshot *snap;
	struct rmfork_index_block *block;
	u64 block_off;
	u64 first_off;
	u32 crc;
	u64 pages;
	u64 ranges;
};

int rmfork_index_begin(struct rmfork_index_writer *w, struct rmfork_snapshot *snap);
int rmfork_index_append(struct rmfork_index_writer *w, u64 vaddr, u64 data_off);
void rmfork_index_finish(struct rmfork_index_writer *w);
void rmfork_index_abandon(struct rmfork_index_writer *w);

/**
 * struct rmfork_index_reader - walks the index of a snapshot
 * @snap:  whose; the caller holds a reference
 * @block: a private copy of the block at hand
 * @at:	   next range in it
 * @next:  offset of the block after it
 * @pages:  still to come, by the header
 * @ranges: still to come, by the header
 * @floor: the next range must not begin below this address
 * @crc:   over the ranges of the blocks read
 */
struct rmfork_index_reader {
	struct rmfork_snapshot *snap;
	struct rmfork_index_block *block;
	u32 at;
	u64 next;
	u64 pages;
	u64 ranges;
	u64 floor;
	u32 crc;
};

int rmfork_index_open(struct rmfork_index_reader *r, struct rmfork_snapshot *snap);
void rmfork_index_rewind(struct rmfork_index_reader *r);
int rmfork_index_next(struct rmfork_index_reader *r, struct rmfork_range *range);
void rmfork_index_close(struct rmfork_index_reader *r);

/* snapshot.c */
struct rmfork_snapshot *rmfork_snapshot_begin(struct ubmem *ub, u32 pid);
void rmfork_snapshot_publish(struct rmfork_snapshot *snap);
struct rmfork_snapshot *rmfork_snapshot_get(struct ubmem *ub, u64 meta_off);
void rmfork_snapshot_put(struct rmfork_snapshot *snap);
int rmfork_free(struct ubmem *ub, u64 meta_off);
long rmfork_query(struct ubmem *ub, const struct rmfork_kargs *kargs);
long rmfork_info(struct ubmem *ub, const struct rmfork_kargs *kargs);
long rmfork_list(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 *cursor);

/**
 * struct rmfork_ranges - the addresses an operation is limited to
 * @iov: ascending, apart, page aligned; one range over everything if none were given
 * @nr:	 their number
 */
struct rmfork_ranges {
	struct iovec *iov;
	unsigned long nr;
};

/* task.c */
int rmfork_ranges_load(struct rmfork_ranges *ranges, const struct rmfork_kargs *kargs);
void rmfork_ranges_free(struct rmfork_ranges *ranges);
struct mm_struct *rmfork_mm_get(u64 pid);
bool rmfork_vma_private(const struct vm_area_struct *vma);
pmd_t *rmfork_pmd(struct mm_struct *mm, unsigned long addr, unsigned long end, unsigned long *next);

/* dump.c, restore.c */
long rmfork_dump(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 *meta_off);
long rmfork_restore_one(struct ubmem *ub, const struct rmfork_kargs *kargs);

/* main.c */
long rmfork_call(const struct rmfork_kargs *kargs, struct rmfork_kargs __user *uargs);

/* syscall.c */
int rmfork_syscall_register(void);
void rmfork_syscall_unregister(void);

#endif /* RMFORK_MODULE_H */
