/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the parts of the rmfork module know of each other.
 *
 *	main.c		parameters, /dev/rmfork, the table of operations, privilege
 *	syscall.c	registration with the remote_fork system call, where there is one
 *	backing-*.c	where ubmem's pages come from
 *	ivshmem.c	finding memory that another machine has too
 *	directory.c	where in ubmem the snapshots are named that stay
 *	adopt.c		taking over a pool that is there already
 *	guest.c		using a pool that another machine owns
 *	pins.c		and what its owner does about that
 *	pool.c		what each page of ubmem is used for, and by how many
 *	origin.c	which page of ordinary memory was stored where
 *	layout.c	superblock and snapshot headers
 *	index.c		the index of a snapshot, in our memory and in ubmem
 *	sums.c		checksums of what pages hold
 *	snapshot.c	life of a snapshot
 *	session.c	snapshots that go with their owner until committed; SESSION, COMMIT
 *	report.c	QUERY, INFO, LIST, GUESTS, FORGET
 *	verify.c	VERIFY
 *	task.c		finding tasks, ranges, mappings and page tables
 *	dump.c		DUMP: what a task's page tables hold
 *	store.c		and how that gets into ubmem
 *	restore.c	ubmem -> page tables
 *	insert.c		by several processors
 *	lazy.c		and when it is touched: mappings, faults, what is given up
 *	lazy-pages.c	which pages are still to come then, and putting them in
 *	lazy-none.c	instead of the two, for a kernel that offers no way to do that
 *
 * Lock order: mmap_lock; ubmem.loading; ubmem.lock. Of a lazy restore: mmap_lock or anon_vma lock;
 * rmfork_lazy.lock; page table lock. User memory is never touched under ubmem.lock.
 *
 * ubmem may be written by others. What memory safety depends on is kept in memory of our own
 * (ubmem.use[] and each snapshot's index); what lies in ubmem is compared with it, and
 * never followed.
 */
#ifndef RMFORK_MODULE_H
#define RMFORK_MODULE_H

#include <linux/err.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/mutex.h>
#include <linux/types.h>
#include <linux/uio.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>

#include <rmfork/uapi.h>

struct file;
struct ubmem;

/**
 * struct ubmem_backing - where the pages of a pool come from
 * @name:    for messages
 * @kept:    the pages keep their contents without the module
 * @remote:  other machines may have the pool in use
 * @create:  provides ubmem.nr_pages pages, or fails with nothing left behind
 * @destroy: drops the pool's reference to each page. A page some task still maps is freed by the
 *	     last unmapping
 * @page:    the page of number @nr, below ubmem.nr_pages. Its count is one when nobody but the
 *	     pool uses it; it must be fit for vm_insert_page()
 * @find:    whether a page is one of the pool's; then sets its number
 */
struct ubmem_backing {
	const char *name;
	bool kept;
	bool remote;
	int (*create)(struct ubmem *ub);
	void (*destroy)(struct ubmem *ub);
	struct page *(*page)(const struct ubmem *ub, u64 nr);
	bool (*find)(const struct ubmem *ub, const struct page *page, u64 *nr);
};

extern const struct ubmem_backing ubmem_backing_alloc;
extern const struct ubmem_backing ubmem_backing_range;
extern const struct ubmem_backing ubmem_backing_ivshmem;

/**
 * enum ubmem_kind - what a page of ubmem is used for
 * @UBMEM_FREE:	   nothing
 * @UBMEM_SYSTEM:  the superblock, the directory and the table of guests
 * @UBMEM_META:	   a header, a block of an index or of checksums; of one snapshot
 * @UBMEM_DATA:	   a page of a task; of one or more snapshots
 * @UBMEM_PENDING: a page of a task, of no snapshot, but still in use by a task
 */
enum ubmem_kind { UBMEM_FREE, UBMEM_SYSTEM, UBMEM_META, UBMEM_DATA, UBMEM_PENDING };

/**
 * struct ubmem - the pool
 * @backing:	   where pages come from
 * @backing_data:  the backing's own
 * @nr_pages:	   size
 * @phys:	   physical address, of a range
 * @uuid:	   drawn when the pool is made
 * @user:	   drawn by us, in the superblock as long as we use the pool
 * @named:	   it is there: the pool is kept, and ours. Set once, before anybody else knows the pool
 * @lost:	   another was found there: never cleared, so it may be read by anybody at any time
 * @lock:	   guards everything below
 * @use:	   per page: an enum ubmem_kind, and how many snapshots use it
 * @origins:	   pfn of a page of ordinary memory -> number of the page that stores it, if others
 *		   may want to store it too. A hint: the contents decide
 * @origin_of:	   per page: the key it has in @origins, plus one; 0: none
 * @sums:	   per page that is data: the checksum of what it holds; 0: not known
 * @free_pages:	   pages that are UBMEM_FREE
 * @pending_pages: pages that are UBMEM_PENDING
 * @pending_from:  there is none below
 * @mapped_hint:   number of a page that was mapped when it was looked at last
 * @hint:	   where to look for a free page first
 * @no_huge:	   no free 2 MiB were found, and nothing was freed since
 * @generation:	   of the newest snapshot
 * @snapshots:	   published ones, oldest first
 * @nr_snapshots:  their number
 * @dir_blocks:	   numbers of the pages of the directory
 * @nr_dir_blocks: their number
 * @dir_taken:	   a bit per slot of the directory
 * @watched:	   pages of a kept pool may be mapped
 * @guests:	   number of the first page of the table of guests; 0: there is none
 * @detained:	   snapshots that are freed but pinned by guests, by rmfork_snapshot.node
 * @nr_detained:   their number
 * @guest:	   another machine owns the pool: nothing but our block in the table is ours to write
 * @guest_slot:	   number of that block
 * @guest_uuid:	   what we are called there
 * @loading:	   in a guest: held while a snapshot is looked up or given up, and @snapshots are those
 *		   we have pinned
 * @reclaim:	   looks at pending and mapped pages now and then while there may be any
 *
 * The module is pinned once per snapshot that would be lost without it, once while there are pending
 * pages, and once while @watched.
 */
struct ubmem {
	const struct ubmem_backing *backing;
	void *backing_data;
	u64 nr_pages;
	phys_addr_t phys;
	u8 uuid[RMFORK_UUID_BYTES];
	u64 user;
	bool named;
	bool lost;
	struct mutex lock;
	u32 *use;
	struct xarray origins;
	unsigned long *origin_of;
	u32 *sums;
	u64 free_pages;
	u64 pending_pages;
	u64 pending_from;
	u64 mapped_hint;
	u64 hint;
	bool no_huge;
	u64 generation;
	struct list_head snapshots;
	u64 nr_snapshots;
	u64 *dir_blocks;
	u64 nr_dir_blocks;
	unsigned long *dir_taken;
	bool watched;
	u64 guests;
	struct list_head detained;
	u64 nr_detained;
	bool guest;
	u32 guest_slot;
	u8 guest_uuid[RMFORK_UUID_BYTES];
	struct mutex loading;
	struct delayed_work reclaim;
};

/**
 * struct rmfork_index - which address each page of a snapshot came from
 * @ranges:    ascending; the pages are UBMEM_DATA, with the snapshot as a user
 * @nr:	       ranges
 * @room:      ranges there is room for
 * @pages:     in all ranges
 * @blocks:    numbers of the pages that hold it in ubmem, UBMEM_META; NULL until it is stored
 * @nr_blocks: their number
 * @sum_blocks: as @blocks, for the checksums of the pages
 * @nr_sum_blocks: their number; 0: it has no checksums
 */
struct rmfork_index {
	struct rmfork_range *ranges;
	u64 nr;
	u64 room;
	u64 pages;
	u64 *blocks;
	u64 nr_blocks;
	u64 *sum_blocks;
	u64 nr_sum_blocks;
};

/**
 * struct rmfork_snapshot - one saved task
 * @ub:	      the pool
 * @ref:      one for the list while it is published, one per user
 * @node:     in ubmem.snapshots or, freed but pinned by a guest, in ubmem.detained; under ubmem.lock
 * @owned:    in rmfork_session.snapshots, under ubmem.lock; empty: it stays until freed
 * @meta_off: where its header lies; 0: nowhere yet
 * @slot:     in the directory, or RMFORK_NO_SLOT
 * @freed:    nobody finds it any more, under ubmem.lock; in a guest the header in ubmem says so
 * @pins:     it has the module pinned
 * @pin:      in a guest: which of our pins it has
 * @header:   what it says about itself; complete once published
 * @index:    where its pages lie; complete once published
 */
struct rmfork_snapshot {
	struct ubmem *ub;
	struct kref ref;
	struct list_head node;
	struct list_head owned;
	u64 meta_off;
	u64 slot;
	bool freed;
	bool pins;
	u32 pin;
	struct rmfork_snapshot_header header;
	struct rmfork_index index;
};

#define RMFORK_NO_SLOT (~0ULL)

/* pool.c */
#define UBMEM_FORMAT 1 /* forget what is there already */
#define UBMEM_TAKE 2   /* use it though another machine says that it does */
#define UBMEM_ATTACH 4 /* use what another machine owns, as a guest */
int ubmem_init(struct ubmem *ub, unsigned int how);
void ubmem_destroy(struct ubmem *ub);
bool ubmem_lost(struct ubmem *ub);
int ubmem_alloc_run(struct ubmem *ub, enum ubmem_kind kind, u64 want, u64 *first, u64 *got);
int ubmem_alloc_huge(struct ubmem *ub, u64 *first);
bool ubmem_share_page(struct ubmem *ub, u64 nr);
void ubmem_put_run(struct ubmem *ub, u64 first, u64 nr);
int ubmem_take_system(struct ubmem *ub, u64 *nr);
void ubmem_put_system(struct ubmem *ub, u64 nr);
bool ubmem_claim(struct ubmem *ub, u64 nr, enum ubmem_kind kind);
void ubmem_note_mapped(struct ubmem *ub);
void ubmem_reclaim(struct ubmem *ub);
enum ubmem_kind ubmem_kind_of(const struct ubmem *ub, u64 nr);
u32 ubmem_users(const struct ubmem *ub, u64 nr);

static inline struct page *ubmem_page(const struct ubmem *ub, u64 off)
{
	return ub->backing->page(ub, off >> PAGE_SHIFT);
}

/* directory.c */
int ubmem_dir_note(struct ubmem *ub, u64 nr);
int ubmem_dir_format(struct ubmem *ub, u64 nr);
int ubmem_dir_reserve(struct ubmem *ub, u64 *slot);
void ubmem_dir_enter(struct rmfork_snapshot *snap);
void ubmem_dir_strike(struct rmfork_snapshot *snap);
int ubmem_dir_check(struct ubmem *ub);

/* adopt.c */
int ubmem_adopt(struct ubmem *ub, bool take);
int ubmem_damaged(u64 off, const char *what);
bool ubmem_blank(const struct ubmem *ub);
bool ubmem_off_ok(const struct ubmem *ub, u64 off);
int ubmem_adopt_super(struct ubmem *ub, struct rmfork_super *super);
const char *rmfork_header_fault(const struct rmfork_snapshot *snap);
int rmfork_adopt_index(struct rmfork_snapshot *snap);
int rmfork_damaged(const struct rmfork_snapshot *snap, u64 off, const char *what);
bool rmfork_adopt_claim(struct ubmem *ub, u64 off, enum ubmem_kind kind);
struct rmfork_snapshot *rmfork_adopt_freed(struct ubmem *ub, const struct rmfork_guest_pin *pin);

/* guest.c */
int ubmem_attach(struct ubmem *ub);
void ubmem_detach(struct ubmem *ub);
struct rmfork_snapshot *rmfork_guest_get(struct ubmem *ub, u64 meta_off);
int rmfork_guest_next(struct ubmem *ub, u64 generation, struct rmfork_snapshot_header *header,
		      u64 *meta_off);
int rmfork_guest_check(struct ubmem *ub);
int rmfork_guest_count(struct ubmem *ub, u64 *generation, u64 *snapshots);
void rmfork_guest_tidy(struct ubmem *ub);

/* pins.c */
int ubmem_guests_format(struct ubmem *ub);
bool ubmem_guests_any(const struct ubmem *ub, u64 guests_off);
int ubmem_guests_adopt(struct ubmem *ub, u64 guests_off);
int ubmem_pins_adopt(struct ubmem *ub);
bool ubmem_pinned(struct ubmem *ub, const struct rmfork_snapshot *snap);
void ubmem_detain(struct rmfork_snapshot *snap);
void ubmem_release_detained(struct ubmem *ub);
struct rmfork_guest_block *ubmem_guest_map(const struct ubmem *ub, u32 slot);
u32 ubmem_guest_next(struct ubmem *ub, u32 slot, struct rmfork_guest *guest);
u32 ubmem_guest_count(struct ubmem *ub);
int ubmem_guest_forget(struct ubmem *ub, const u8 *uuid);

/* origin.c */
void ubmem_origin_note(struct ubmem *ub, u64 nr, const struct page *source);
bool ubmem_origin_share(struct ubmem *ub, struct page *source, u64 *nr);
void ubmem_origin_forget(struct ubmem *ub, u64 nr);

/* layout.c */
u32 rmfork_crc(u32 seed, const void *data, size_t len);
void ubmem_read(const struct ubmem *ub, u64 off, void *to, size_t len);
void ubmem_write(const struct ubmem *ub, u64 off, const void *from, size_t len);
u64 ubmem_read_word(const struct ubmem *ub, u64 off);
void ubmem_write_word(const struct ubmem *ub, u64 off, u64 word);
int ubmem_write_super(struct ubmem *ub);
int ubmem_check_super(struct ubmem *ub);
u32 rmfork_header_crc(const struct rmfork_snapshot_header *header);
void rmfork_header_publish(struct rmfork_snapshot *snap);
void rmfork_header_retract(struct rmfork_snapshot *snap);
int rmfork_header_check(struct rmfork_snapshot *snap);

/* index.c */
int rmfork_index_add_range(struct rmfork_index *index, const struct rmfork_range *range);
int rmfork_index_append(struct rmfork_index *index, u64 vaddr, u64 nr_pages, u64 data_off);
int rmfork_index_store(struct rmfork_snapshot *snap);
/* Fills @page, whole, with what block number @which of a chain has to hold. */
typedef void rmfork_compose_fn(const struct rmfork_snapshot *snap, u64 which, void *page,
			       void *cursor);
int rmfork_blocks_check(struct rmfork_snapshot *snap, const u64 *blocks, u64 nr,
			rmfork_compose_fn *compose, void *cursor);
int rmfork_index_check(struct rmfork_snapshot *snap);
int rmfork_index_take(struct ubmem *ub, u64 want, u64 **blocks, u64 *nr);
void rmfork_index_release(struct rmfork_snapshot *snap);

/* sums.c */
u32 rmfork_sum_page(struct page *page);
void rmfork_sums_note(struct ubmem *ub, u64 nr);
int rmfork_sums_store(struct rmfork_snapshot *snap);
int rmfork_sums_adopt(struct rmfork_snapshot *snap);
int rmfork_sums_check(struct rmfork_snapshot *snap);
int rmfork_sums_check_pages(struct rmfork_snapshot *snap, struct rmfork_damage *damage);

/* snapshot.c */
struct rmfork_session;

struct rmfork_snapshot *rmfork_snapshot_new(struct ubmem *ub, u64 meta_off, u64 slot);
void rmfork_snapshot_list(struct rmfork_snapshot *snap);
void rmfork_snapshot_forget(struct rmfork_snapshot *snap);
struct rmfork_snapshot *rmfork_snapshot_begin(struct ubmem *ub, u32 pid);
int rmfork_snapshot_publish(struct rmfork_snapshot *snap, struct rmfork_session *owner);
struct rmfork_snapshot *rmfork_snapshot_listed(struct ubmem *ub, u64 meta_off);
struct rmfork_snapshot *rmfork_snapshot_get(struct ubmem *ub, u64 meta_off);
struct rmfork_snapshot *rmfork_snapshot_get_that(struct ubmem *ub, u64 meta_off, u64 generation);
struct rmfork_snapshot *rmfork_snapshot_next(struct ubmem *ub, u64 generation);
void rmfork_snapshot_put(struct rmfork_snapshot *snap);
bool rmfork_snapshot_freed(const struct rmfork_snapshot *snap);
int rmfork_snapshot_check(struct rmfork_snapshot *snap);
int rmfork_free(struct ubmem *ub, u64 meta_off, u64 generation);
int rmfork_commit_owned(struct rmfork_session *owner);
void rmfork_free_owned(struct rmfork_session *owner);

/**
 * struct rmfork_session - what owns snapshots until they are committed
 * @ub:	       the pool
 * @snapshots: by rmfork_snapshot.owned, under ubmem.lock
 * @nr:	       how many there are unless one was freed meanwhile, under ubmem.lock
 */
struct rmfork_session {
	struct ubmem *ub;
	struct list_head snapshots;
	u64 nr;
};

/* ivshmem.c */
int rmfork_ivshmem_find(struct ubmem *ub);
void rmfork_ivshmem_put(void);

/* verify.c */
long rmfork_verify(struct ubmem *ub, const struct rmfork_kargs *kargs);

/* session.c */
long rmfork_session_open(struct ubmem *ub);
struct rmfork_session *rmfork_session_get(u64 va, struct file **file);
long rmfork_session_commit(const struct rmfork_kargs *kargs);

/* report.c */
long rmfork_query(struct ubmem *ub, const struct rmfork_kargs *kargs);
long rmfork_info(struct ubmem *ub, const struct rmfork_kargs *kargs);
long rmfork_list(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 *cursor);
bool rmfork_size_ok(u64 size, size_t least);
int rmfork_fill_user(const struct rmfork_kargs *kargs, const void *from, size_t known);
long rmfork_guests(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 *cursor);
long rmfork_forget(struct ubmem *ub, const struct rmfork_kargs *kargs);

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

/**
 * struct rmfork_batch - pages under one page table, on their way into ubmem
 * @snap:  whose they will be
 * @nr:	   how many there are
 * @huge:  they are the whole of a huge page, unless some are left out
 * @pages: each with a reference, by ascending address
 */
struct rmfork_batch {
	struct rmfork_snapshot *snap;
	unsigned int nr;
	bool huge;
	struct {
		unsigned long addr;
		struct page *page;
	} pages[PTRS_PER_PTE];
};

/* store.c */
void rmfork_batch_add(struct rmfork_batch *b, unsigned long addr, struct page *page);
void rmfork_batch_drop(struct rmfork_batch *b);
int rmfork_batch_store(struct rmfork_batch *b, bool zeros_implied);

/* dump.c, restore.c */
long rmfork_dump(struct ubmem *ub, const struct rmfork_kargs *kargs, u64 __user *meta_off);
long rmfork_restore(struct ubmem *ub, const struct rmfork_kargs *kargs);

/* insert.c */
struct rmfork_insert;
struct rmfork_insert *rmfork_insert_alloc(struct ubmem *ub, struct mm_struct *mm, u64 nr_pages);
bool rmfork_insert_wants(const struct rmfork_insert *ins, struct vm_area_struct *vma,
			 unsigned long nr);
void rmfork_insert_add(struct rmfork_insert *ins, struct vm_area_struct *vma, unsigned long addr,
		       unsigned long nr, u64 data_off);
int rmfork_insert_run(struct rmfork_insert *ins);
void rmfork_insert_free(struct rmfork_insert *ins);

/* lazy.c, or lazy-none.c */
struct rmfork_lazy;
bool rmfork_lazy_possible(void);
void rmfork_lazy_exit(void);
void rmfork_lazy_flush(void);
struct rmfork_lazy *rmfork_lazy_begin(struct rmfork_snapshot *snap, struct mm_struct *mm);
void rmfork_lazy_end(struct rmfork_lazy *lazy);
bool rmfork_lazy_attach(struct rmfork_lazy *lazy, struct vm_area_struct *vma, unsigned long addr,
			unsigned long end);
bool rmfork_lazy_vma(const struct vm_area_struct *vma);
int rmfork_settle(struct mm_struct *mm);

/* main.c */
extern bool ubmem_sums;
long rmfork_call(const struct rmfork_kargs *kargs, struct rmfork_kargs __user *uargs);

/* syscall.c */
int rmfork_syscall_register(void);
void rmfork_syscall_unregister(void);

#endif /* RMFORK_MODULE_H */
