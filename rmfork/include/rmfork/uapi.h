/* SPDX-License-Identifier: GPL-2.0-only WITH Linux-syscall-note */
/*
 * The rmfork call as the kernel and its callers both see it, and the layout of ubmem.
 *
 * The same structure goes in by two ways: syscall 454 (remote_fork) with its address as the
 * only argument, and ioctl(RMFORK_IOCTL) on /dev/rmfork. Plain C, fixed-size types only, usable
 * by freestanding code. Only 64-bit callers are served; a machine word is 64 bits here.
 *
 * Units: sizes in bytes and counts in pages as each field says; a page is RMFORK_PAGE_SIZE
 * bytes. An "offset" counts bytes from the start of ubmem; 0 is the first superblock, so no snapshot
 * ever lies at offset 0.
 */
#ifndef RMFORK_UAPI_H
#define RMFORK_UAPI_H

#include <linux/ioctl.h>
#include <linux/types.h>

/*
 * Number of remote_fork on the kernels that carry it. Linux 6.7 gave the number to futex_wake:
 * probe before every other use (see rmfork/transport.h).
 */
#define RMFORK_SYSCALL_NR 454

#define RMFORK_DEVICE_PATH "/dev/rmfork"

#define RMFORK_PAGE_SHIFT 12
#define RMFORK_PAGE_SIZE (1UL << RMFORK_PAGE_SHIFT)

/* Most ranges one call takes (the kernel's default vm.max_map_count is 65530). */
#define RMFORK_MAX_IOVS 65536

/**
 * struct rmfork_kargs - the argument of every operation
 * @rmfork_opt: one of RMFORK_OP_*
 * @pid:	the task, as numbered in the caller's pid namespace
 * @va:		address of the structure to fill (QUERY, INFO, LIST, VERIFY, GUESTS); the session (DUMP,
 *		COMMIT), see RMFORK_IN_SESSION; a generation (FREE, RESTORE_*); address of a uuid
 *		(FORGET); else 0
 * @pa:		offset of a snapshot in ubmem; DUMP ignores it on entry and sets it
 * @iovs:	address of an array of struct iovec: page aligned, not empty, not overlapping
 * @nr_iovs:	number of its elements; 0 with @iovs 0 means all. For QUERY, INFO, LIST, VERIFY,
 *		GUESTS and FORGET: the size of what is at @va
 *
 * A field an operation does not use must be 0, else EINVAL.
 */
struct rmfork_kargs {
	__u64 rmfork_opt;
	__u64 pid;
	__u64 va;
	__u64 pa;
	__u64 iovs;
	__u64 nr_iovs;
};

/*
 * Operations. Errors common to all: EFAULT (bad pointer; told before anything else), EPERM
 * (neither CAP_SYS_ADMIN nor CAP_CHECKPOINT_RESTORE in the initial user namespace; or @pid is another task, which
 * the caller does not trace, and it has no CAP_SYS_PTRACE over that task's memory), EINVAL
 * (unknown operation, field out of bounds), ENODEV (syscall present, no module loaded).
 *
 * RESTORE_ONE	inserts the pages of the snapshot at @pa into task @pid (0: the caller), shared
 *		with ubmem until they are written to; in private file mappings the task gets
 *		copies. 0, or ENOENT (no snapshot there, or a target range is not mapped),
 *		EINVAL (a target range is shared or a driver's), EBUSY (a page is populated
 *		already), ESRCH, EINTR, ENOMEM, EIO (of a file mapping a page cannot be had), EBADMSG
 *		(the snapshot fails its checks), EHWPOISON (one of its pages is bad memory). Only
 *		ENOMEM, EINTR and EIO can leave a part inserted. With a generation in @va only if the
 *		snapshot has that, else ESTALE.
 * RESTORE_ALL	as RESTORE_ONE, but every page is copied into memory of the task's own: nothing
 *		depends on ubmem afterwards.
 * RESTORE_LAZY as RESTORE_ONE, but a page goes in when it is first touched, so that the time does
 *		not depend on the number of pages. Private file mappings, stacks, locked mappings
 *		and those that had pages written to before are filled at once. EOPNOTSUPP: not on this
 *		kernel (RMFORK_FEAT_LAZY).
 * DUMP		copies the private memory of @pid into ubmem; @pa becomes its offset. With a
 *		session in @va the snapshot goes with the session unless it is committed. 0, or
 *		ESRCH, ENOSPC (ubmem is full), EINTR (the caller was killed), ENOMEM, EHWPOISON,
 *		EBADF (no such session).
 * QUERY	fills a struct rmfork_query at @va, of size @nr_iovs.
 * FREE		drops the snapshot at @pa. Pages that tasks still map are reused only when the
 *		last of them is gone. With a generation in @va only if the snapshot has that. ENOENT,
 *		ESTALE (it has another generation).
 * INFO		fills a struct rmfork_info at @va, of size @nr_iovs, for the snapshot at @pa.
 *		ENOENT.
 * LIST		fills one struct rmfork_info at @va, of size @nr_iovs: the oldest snapshot of a
 *		generation above the cursor @pa (0 to begin), and sets @pa to the next cursor.
 *		1 if one was filled, 0 at the end.
 * SESSION	returns a new descriptor, close-on-exec, that owns the snapshots dumped with it:
 *		when its last copy is closed, also because the caller died, they are freed.
 * COMMIT	the snapshots of the session @va stay when it is closed. EBADF; ESTALE: one of them was
 *		freed meanwhile, and none is committed.
 * VERIFY	reads all that ubmem says about the snapshot at @pa, and its pages if they have checksums,
 *		and compares. With @pa 0: the superblock and the directory alone. 0, ENOENT, EBADMSG or EINTR. With
 *		@va also fills a struct rmfork_damage there, of size @nr_iovs, after 0 and after EBADMSG.
 * SETTLE	puts in what a lazy restore of @pid has left. 0, ESRCH, ENOMEM, EINTR, EOPNOTSUPP.
 * GUESTS	fills one struct rmfork_guest at @va, of size @nr_iovs: the next machine after the cursor
 *		@pa (0 to begin) that is attached to the pool as a guest, and sets @pa to the next
 *		cursor. 1 if one was filled, 0 at the end.
 * FORGET	drops the pins of the guest whose uuid lies at @va, of size @nr_iovs, and frees its
 *		place. That machine must be gone: what its tasks map may change. ENOENT.
 * IDENTIFY	as INFO, but what is counted over all pages (@shared_bytes, @mapped_pages) is 0: takes the
 *		same time whatever the snapshot's size.
 *
 * On a machine that is attached as a guest DUMP, FREE, SESSION, COMMIT and FORGET answer EROFS. The
 * restores, INFO, IDENTIFY and VERIFY may answer ENOSPC there (it has as many snapshots pinned as it can) and ESTALE
 * (the owner has forgotten this machine, or another pool was made). LIST may answer ESTALE (another pool
 * was made) and EBADMSG (the superblock or the directory is damaged); in either case QUERY tells what is
 * known without them.
 *
 * Only RESTORE_ONE and DUMP exist everywhere; ask for the others with QUERY, which
 * answers EINVAL on a kernel that has none of them.
 */
#define RMFORK_OP_RESTORE_ONE 1
#define RMFORK_OP_RESTORE_ALL 2
#define RMFORK_OP_DUMP 3
#define RMFORK_OP_QUERY 4
#define RMFORK_OP_FREE 5
#define RMFORK_OP_INFO 6
#define RMFORK_OP_LIST 7
#define RMFORK_OP_RESTORE_LAZY 8
#define RMFORK_OP_SESSION 9
#define RMFORK_OP_COMMIT 10
#define RMFORK_OP_VERIFY 11
#define RMFORK_OP_SETTLE 12
#define RMFORK_OP_GUESTS 13
#define RMFORK_OP_FORGET 14
#define RMFORK_OP_IDENTIFY 15

/* How @va names the session of descriptor @fd, which may be 0. */
#define RMFORK_IN_SESSION(fd) ((1ULL << 32) | (__u32)(fd))

/* Every operation by way of /dev/rmfork. */
#define RMFORK_IOCTL _IOWR(0xFA, 0x54, struct rmfork_kargs)

#define RMFORK_ABI_VERSION 1

/* struct rmfork_query.features */
#define RMFORK_FEAT_FREE (1ULL << 0)
#define RMFORK_FEAT_INFO (1ULL << 1)
#define RMFORK_FEAT_LIST (1ULL << 2)
#define RMFORK_FEAT_RESTORE_ALL (1ULL << 3)
#define RMFORK_FEAT_ZERO_SKIP (1ULL << 4)     /* zero-filled anonymous pages take no room */
#define RMFORK_FEAT_MULTI_RESTORE (1ULL << 5) /* one snapshot may be restored many times */
#define RMFORK_FEAT_SHARED_PAGES (1ULL << 6)  /* pages shared between tasks are stored once */
#define RMFORK_FEAT_LAZY (1ULL << 7)	      /* RESTORE_LAZY and SETTLE */
#define RMFORK_FEAT_SESSION (1ULL << 8)	      /* SESSION and COMMIT */
#define RMFORK_FEAT_VERIFY (1ULL << 9)
#define RMFORK_FEAT_GUESTS (1ULL << 10)		 /* GUESTS and FORGET */
#define RMFORK_FEAT_FREE_GENERATION (1ULL << 11) /* FREE takes a generation */
#define RMFORK_FEAT_VERIFY_POOL (1ULL << 12)	 /* VERIFY takes 0, and says what is damaged */
#define RMFORK_FEAT_PAGE_SUMS (1ULL << 13)	 /* a dump makes checksums of pages now */
#define RMFORK_FEAT_RESTORE_GENERATION (1ULL << 14) /* the restores take a generation */
#define RMFORK_FEAT_IDENTIFY (1ULL << 15)

#define RMFORK_UUID_BYTES 16

/**
 * struct rmfork_query - what QUERY fills
 * @abi_version:   RMFORK_ABI_VERSION of the kernel side
 * @size:	   bytes of this structure the kernel knows; beyond it the buffer is zeroed
 * @features:	   RMFORK_FEAT_*
 * @pool_uuid:	   drawn when the pool was made: an offset means nothing in another pool
 * @pool_bytes:	   size of ubmem, superblock included
 * @free_bytes:	   room for new snapshots
 * @pending_bytes: freed, but still mapped by a task
 * @generation:	   of the newest snapshot ever made in this pool; 0 if there was none
 * @snapshots:	   number of snapshots now; 0, as @generation, in a guest that cannot read the pool
 * @backing:	   where the pool's memory comes from: "allocated", "physical" or "ivshmem",
 *		   padded with 0
 * @role:	   RMFORK_ROLE_*
 * @guests:	   machines attached to the pool as guests
 * @kept:	   snapshots that were freed, and whose room stays taken as guests use them
 * @guest_uuid:	   by which the owner knows this machine if it is a guest; else 0
 *
 * Later versions only append. A caller may pass a larger or smaller size than the kernel's, from
 * RMFORK_QUERY_SIZE_V1 up to a page.
 */
struct rmfork_query {
	__u32 abi_version;
	__u32 size;
	__u64 features;
	__u8 pool_uuid[RMFORK_UUID_BYTES];
	__u64 pool_bytes;
	__u64 free_bytes;
	__u64 pending_bytes;
	__u64 generation;
	__u64 snapshots;
	__u8 backing[16];
	__u32 role;
	__u32 guests;
	__u64 kept;
	__u8 guest_uuid[RMFORK_UUID_BYTES];
};

#define RMFORK_QUERY_SIZE_V1 72

/* rmfork_query.role */
#define RMFORK_ROLE_OWNER 0 /* dumps to the pool and frees */
#define RMFORK_ROLE_GUEST 1 /* only reads and restores what another machine has dumped */

/**
 * struct rmfork_info - what INFO, IDENTIFY and LIST fill
 * @meta_off:	    offset of the snapshot
 * @generation:	    unique in its pool, growing
 * @nr_pages:	    pages it restores
 * @nr_ranges:	    entries of its index
 * @stored_bytes:   room it takes in ubmem, header and index included. What several snapshots share
 *		    counts in each
 * @shared_bytes:   part of @stored_bytes that other snapshots use too
 * @mapped_pages:   its pages that some task maps (or otherwise holds) now
 * @created_ns:	    CLOCK_REALTIME at its completion, nanoseconds
 * @index_checksum: crc32c of the index entries
 * @pid:	    the task's pid in the caller's namespace at dump time; for people only
 * @size:	    bytes of this structure the kernel knows; beyond it the buffer is zeroed
 * @reserved:	    0
 */
struct rmfork_info {
	__u64 meta_off;
	__u64 generation;
	__u64 nr_pages;
	__u64 nr_ranges;
	__u64 stored_bytes;
	__u64 shared_bytes;
	__u64 mapped_pages;
	__u64 created_ns;
	__u32 index_checksum;
	__u32 pid;
	__u32 size;
	__u32 reserved;
};

#define RMFORK_INFO_SIZE_V1 80

#define RMFORK_NAME_BYTES 64

/**
 * struct rmfork_guest - what GUESTS fills
 * @uuid:     drawn when the guest attached
 * @name:     its host name then, padded with 0; for people only
 * @pins:     snapshots it uses
 * @size:     bytes of this structure the kernel knows; beyond it the buffer is zeroed
 * @reserved: 0
 */
struct rmfork_guest {
	__u8 uuid[RMFORK_UUID_BYTES];
	__u8 name[RMFORK_NAME_BYTES];
	__u64 pins;
	__u32 size;
	__u32 reserved;
};

#define RMFORK_GUEST_SIZE_V1 96

/* rmfork_damage.what, in the order in which it is looked for */
#define RMFORK_DAMAGE_NONE 0
#define RMFORK_DAMAGE_SUPER 1
#define RMFORK_DAMAGE_DIRECTORY 2
#define RMFORK_DAMAGE_HEADER 3
#define RMFORK_DAMAGE_INDEX 4
#define RMFORK_DAMAGE_SUMS 5  /* the checksums of pages, or pages that have none where they should */
#define RMFORK_DAMAGE_PAGES 6 /* contents of pages */

/**
 * struct rmfork_damage - what VERIFY fills
 * @what:    RMFORK_DAMAGE_*: the first that was found
 * @size:    bytes of this structure the kernel knows; beyond it the buffer is zeroed
 * @checked: pages whose contents were held against a checksum
 * @pages:   of these, how many differ
 * @vaddr:   address in the task of the first that differs
 * @off:     and where it lies
 */
struct rmfork_damage {
	__u32 what;
	__u32 size;
	__u64 checked;
	__u64 pages;
	__u64 vaddr;
	__u64 off;
};

#define RMFORK_DAMAGE_SIZE_V1 40

/*
 * The layout of ubmem. Little-endian. Every reference is an offset, every structure begins on a
 * page. A checksum is the crc32c (Castagnoli, initial value ~0, result inverted) of the bytes
 * before the field that holds it.
 */
#define RMFORK_LAYOUT_VERSION 3

#define RMFORK_SUPER_MAGIC 0x31304d454d4255ULL	  /* "UBMEM01" */
#define RMFORK_FORMAT_MAGIC 0x544d46454d4255ULL	  /* "UBMEFMT" */
#define RMFORK_SNAPSHOT_MAGIC 0x31304b524f464dULL /* "MFORK01" */
#define RMFORK_INDEX_MAGIC 0x58444d52U		  /* "RMDX" */

/*
 * At offset 0, and a second one on the page behind. They are written in turn, number @sequence at page
 * @sequence % RMFORK_SUPERS; the one of the highest @sequence counts of those whose checksum is right. So an
 * update that is interrupted leaves the one before. @generation is that of the newest snapshot there ever was. The
 * directory names the snapshots that stay; what is not reached from there, and is not pinned by a guest, is free.
 *
 * @magic, @layout_version and @user lie where they are in every layout, so that no version takes a pool from
 * the owner of another. @user is a word by itself, of no checksum, and only the first superblock has it.
 *
 * While a pool is made, the first has RMFORK_FORMAT_MAGIC, and nothing in ubmem counts.
 */
#define RMFORK_SUPERS 2
struct rmfork_super {
	__u64 magic;
	__u32 layout_version;
	__u32 reserved;
	__u8 uuid[RMFORK_UUID_BYTES];
	__u64 size; /* bytes */
	__u64 generation;
	__u64 dir_off; /* first block of the directory */
	__u64 user;    /* drawn by the machine that owns the pool now; 0: none does */
	__u64 guests_off; /* first of RMFORK_GUEST_SLOTS blocks in a row; 0: there are none */
	__u64 sequence;
	__u32 pad;
	__u32 checksum; /* of all before but @user */
};

/*
 * The directory: a chain of blocks of one page each, with the offset of a snapshot in each slot that is
 * not 0. A slot is written as one word: when a snapshot is complete, and when it is freed and its header says so.
 */
#define RMFORK_DIR_MAGIC 0x52494452U /* "RDIR" */
#define RMFORK_DIR_SLOTS 510
struct rmfork_dir_block {
	__u32 magic;
	__u32 pad;
	__u64 next; /* offset of the next block, 0 in the last */
	__u64 slots[RMFORK_DIR_SLOTS];
};

/*
 * A guest: a machine that reads the pool while another one owns it. A block is one page. @user is set from
 * 0 by compare-and-swap when the guest attaches, and is cleared last when it leaves; in between
 * nobody else writes to the block, but for an owner that forgets the guest and clears it. A snapshot
 * that is named in @pins stays as it is until it is named there no more, also when it is freed.
 *
 * The guest writes the pin, then looks whether the header is still published; the owner clears the
 * header's magic, then looks at the pins; a full barrier lies between, on both sides.
 */
#define RMFORK_GUEST_SLOTS 16
#define RMFORK_GUEST_PINS 248
struct rmfork_guest_pin {
	__u64 meta_off; /* 0: none. Written first, by compare-and-swap, when it is set or cleared */
	__u64 generation;
};

struct rmfork_guest_block {
	__u64 user; /* drawn by the guest; 0: the block is free */
	__u8 uuid[RMFORK_UUID_BYTES];
	__u8 name[RMFORK_NAME_BYTES];
	__u8 pad[40];
	struct rmfork_guest_pin pins[RMFORK_GUEST_PINS];
};

/* rmfork_snapshot_header.state */
#define RMFORK_STATE_VALID 1
#define RMFORK_STATE_FREED 2

/*
 * A snapshot's header; its offset is the snapshot's. The magic is written last, after the pages,
 * the index and the rest of the header, so a crash before leaves nothing visible.
 */
struct rmfork_snapshot_header {
	__u64 magic;
	__u32 layout_version;
	__u32 state;
	__u8 uuid[RMFORK_UUID_BYTES]; /* that of the pool */
	__u64 generation;
	__u64 page_count;
	__u64 range_count;
	__u64 index_off; /* first index block; 0 if range_count is 0 */
	__u64 stored_pages;
	__u64 created_ns;
	__u64 sums_off; /* first block of checksums of pages; 0: there are none */
	__u32 pid;
	__u32 index_checksum; /* of all struct rmfork_range in order */
	__u32 sums_checksum;  /* of all checksums of pages in order */
	__u32 checksum;
};

/* @nr_pages pages from address @vaddr on lie one after the other from offset @data_off on. */
struct rmfork_range {
	__u64 vaddr;
	__u64 nr_pages;
	__u64 data_off;
};

/* The index: a chain of blocks of one page each, ranges ascending by address. */
#define RMFORK_INDEX_BLOCK_RANGES 169
struct rmfork_index_block {
	__u32 magic;
	__u32 count; /* ranges in this block */
	__u64 next;  /* offset of the next block, 0 in the last */
	__u64 generation;
	struct rmfork_range ranges[RMFORK_INDEX_BLOCK_RANGES];
	__u8 pad[16];
};

/*
 * Checksums of pages: a chain of blocks of one page each, one checksum per page of the snapshot, in the order
 * of the index. The checksum of a page is the lower half of its XXH64 with seed 0, or 1 where that is 0.
 */
#define RMFORK_SUMS_MAGIC 0x4d555352U /* "RSUM" */
#define RMFORK_SUM_BLOCK_SUMS 1018
struct rmfork_sum_block {
	__u32 magic;
	__u32 count; /* checksums in this block */
	__u64 next;  /* offset of the next block, 0 in the last */
	__u64 generation;
	__u32 sums[RMFORK_SUM_BLOCK_SUMS];
};

#endif /* RMFORK_UAPI_H */
