/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * rmfork for C callers: save and restore a task's private memory through the kernel.
 *
 *	rmfork_set_images_dir("/var/ckpt");
 *	if (rmfork_dump_mm_iov(pid, pid, NULL, 0) < 0)
 *		fprintf(stderr, "%s\n", rmfork_last_error());
 *	rmfork_commit();
 *
 * Threads: the settings and the dump in progress belong to the process and are guarded by one
 * lock, so calls from several threads are safe and run one after the other. The last error text
 * is each thread's own. Nothing throws and nothing exits: every failure is a return value, a log
 * line and the last error text.
 *
 * C++ callers have finer tools: rmfork/dump.h and rmfork/restore.h.
 */
#ifndef RMFORK_RMFORK_H
#define RMFORK_RMFORK_H

#include <sys/types.h>
#include <sys/uio.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Saves the private memory of task `pid` (as numbered in the caller's pid namespace; stopped by
 * the caller) into ubmem and records where in the images directory: in rmfork-<vpid>.img and,
 * for the first task since the last rmfork_commit() or rmfork_abort(), which is the root
 * task, in rmfork.meta.
 *
 * iovs/nr: page-aligned ranges to save; NULL/0 means all of the private memory. Read only during
 * the call.
 *
 * Returns the meta offset (bytes from the start of ubmem, positive), or -1. A failure to record
 * the offset is a failure of the dump: the snapshot is freed where the kernel can do that.
 */
long rmfork_dump_mm_iov(pid_t pid, pid_t vpid, struct iovec *iovs, int nr);

/*
 * The root task's meta offset: of the dump in progress or last committed in this process, else
 * what rmfork.meta in the images directory says. 0: none saved (or unreadable: then
 * rmfork_last_error() tells why).
 */
unsigned long rmfork_get_meta_off(void);

/*
 * Inserts the saved pages into task `pid` (0: the caller), whose mappings are in place and not yet
 * populated. meta_off 0 takes the offset from the images directory. The image entry that names
 * the offset, if there is one, is checked against the kernel first, so that an offset of another
 * boot or pool is refused before the task is touched.
 *
 * iovs/nr: restore only these page-aligned ranges; NULL/0 means everything saved.
 *
 * Returns 0 or -1. After -1 the task's memory may be filled in part; it should be killed.
 */
int rmfork_restore_iov(pid_t pid, unsigned long meta_off, struct iovec *iovs, int nr);

/* How the kernel is reached. RMFORK_TRANSPORT_AUTO probes: the syscall first, then the device. */
enum rmfork_transport {
	RMFORK_TRANSPORT_AUTO = 0,
	RMFORK_TRANSPORT_SYSCALL = 1,
	RMFORK_TRANSPORT_DEVICE = 2,
};

/*
 * Chooses the transport for later calls; closes one already open, and ends a dump in progress as
 * by rmfork_commit(). 0, or -1 for a bad value.
 */
int rmfork_set_transport(enum rmfork_transport transport);

/*
 * The images directory, by path or by descriptor (which is duplicated: the caller keeps its own).
 * A dump in progress ends as by rmfork_commit(). 0 or -1. Without a directory a dump fails, and so
 * does a restore that is not told the offset.
 */
int rmfork_set_images_dir(const char *path);
int rmfork_set_images_dirfd(int fd);

/*
 * The dump is complete: rmfork_abort() no longer undoes it, and the next task dumped is the root of
 * another. A process that ends without it leaves its snapshots and files in place all the same.
 */
void rmfork_commit(void);

/* The dump failed elsewhere: frees its snapshots (where the kernel can) and removes its files. */
void rmfork_abort(void);

/* What went wrong in this thread's last failed call, one sentence; "" if none did. Valid until
 * the thread's next call. */
const char *rmfork_last_error(void);

/* Levels as criu's -v: 1 error, 2 warning, 3 info, 4 debug. */
typedef void (*rmfork_log_fn)(int level, const char *message, void *user);

/* Where messages go (without a newline); NULL: nowhere, the default. */
void rmfork_set_log(rmfork_log_fn fn, void *user);

#ifdef __cplusplus
}
#endif

#endif /* RMFORK_RMFORK_H */
