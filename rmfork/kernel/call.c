// SPDX-License-Identifier: GPL-2.0-only
/*
 * The table of operations, and the check of the caller's privilege: the two ways in meet here.
 */
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/nospec.h>
#include <linux/sched/mm.h>
#include <linux/uaccess.h>
#include <linux/user_namespace.h>

#include "call.h"
#include "mm/dump.h"
#include "mm/lazy.h"
#include "mm/restore.h"
#include "mm/task.h"
#include "report.h"
#include "share/guest.h"
#include "snapshot/session.h"
#include "snapshot/snapshot.h"
#include "ubmem/ubmem.h"
#include "verify.h"

struct ubmem rmfork_pool;

/* In the first namespace. For which tasks a caller may do it is asked besides (rmfork_mm_get()). */
static bool rmfork_privileged(void)
{
	return checkpoint_restore_ns_capable(&init_user_ns);
}

/* LIST and GUESTS: one thing after the other. */
static long rmfork_op_walk(const struct rmfork_kargs *kargs, struct rmfork_kargs __user *uargs)
{
	u64 cursor;
	long ret;

	ret = kargs->rmfork_opt == RMFORK_OP_LIST ? rmfork_list(&rmfork_pool, kargs, &cursor) :
						    rmfork_guests(&rmfork_pool, kargs, &cursor);
	if (ret > 0 && put_user(cursor, &uargs->pa))
		return -EFAULT;
	return ret;
}

static long rmfork_op_settle(const struct rmfork_kargs *kargs)
{
	struct mm_struct *mm = rmfork_mm_get(kargs->pid);
	int ret;

	if (IS_ERR(mm))
		return PTR_ERR(mm);
	ret = rmfork_settle(mm);
	mmput(mm);
	return ret;
}

/* Fields of struct rmfork_kargs. */
#define PID 1
#define VA 2
#define PA 4
#define IOVS 8
#define NR_IOVS 16

/* Per operation, the fields it uses; the others must be 0. */
static const u8 fields_used[] = {
	[RMFORK_OP_RESTORE_ONE] = PID | VA | PA | IOVS | NR_IOVS,
	[RMFORK_OP_RESTORE_ALL] = PID | VA | PA | IOVS | NR_IOVS,
	[RMFORK_OP_DUMP] = PID | VA | PA | IOVS | NR_IOVS,
	[RMFORK_OP_QUERY] = VA | NR_IOVS,
	[RMFORK_OP_FREE] = VA | PA,
	[RMFORK_OP_INFO] = VA | PA | NR_IOVS,
	[RMFORK_OP_LIST] = VA | PA | NR_IOVS,
	[RMFORK_OP_RESTORE_LAZY] = PID | VA | PA | IOVS | NR_IOVS,
	[RMFORK_OP_SETTLE] = PID,
	[RMFORK_OP_SESSION] = 0,
	[RMFORK_OP_COMMIT] = VA,
	[RMFORK_OP_VERIFY] = VA | PA | NR_IOVS,
	[RMFORK_OP_GUESTS] = VA | PA | NR_IOVS,
	[RMFORK_OP_FORGET] = VA | NR_IOVS,
	[RMFORK_OP_IDENTIFY] = VA | PA | NR_IOVS,
};

static bool fields_ok(const struct rmfork_kargs *kargs)
{
	u8 set = (kargs->pid ? PID : 0) | (kargs->va ? VA : 0) | (kargs->pa ? PA : 0) |
		 (kargs->iovs ? IOVS : 0) | (kargs->nr_iovs ? NR_IOVS : 0);

	return kargs->rmfork_opt < ARRAY_SIZE(fields_used) &&
	       !(set & ~fields_used[array_index_nospec(kargs->rmfork_opt,
						       ARRAY_SIZE(fields_used))]);
}

/* What is for the owner of the pool alone. */
static bool changes_pool(u64 operation)
{
	return operation == RMFORK_OP_DUMP || operation == RMFORK_OP_FREE ||
	       operation == RMFORK_OP_SESSION || operation == RMFORK_OP_COMMIT ||
	       operation == RMFORK_OP_FORGET;
}

static bool needs_lazy(u64 operation)
{
	return operation == RMFORK_OP_RESTORE_LAZY || operation == RMFORK_OP_SETTLE;
}

static long rmfork_carry_out(const struct rmfork_kargs *kargs, struct rmfork_kargs __user *uargs)
{
	switch (kargs->rmfork_opt) {
	case RMFORK_OP_RESTORE_ONE:
	case RMFORK_OP_RESTORE_ALL:
	case RMFORK_OP_RESTORE_LAZY:
		return rmfork_restore(&rmfork_pool, kargs);
	case RMFORK_OP_DUMP:
		return rmfork_dump(&rmfork_pool, kargs, &uargs->pa);
	case RMFORK_OP_QUERY:
		return rmfork_query(&rmfork_pool, kargs);
	case RMFORK_OP_FREE:
		return rmfork_free(&rmfork_pool, kargs->pa, kargs->va);
	case RMFORK_OP_INFO:
	case RMFORK_OP_IDENTIFY:
		return rmfork_info(&rmfork_pool, kargs);
	case RMFORK_OP_LIST:
	case RMFORK_OP_GUESTS:
		return rmfork_op_walk(kargs, uargs);
	case RMFORK_OP_FORGET:
		return rmfork_forget(&rmfork_pool, kargs);
	case RMFORK_OP_SESSION:
		return rmfork_session_open(&rmfork_pool);
	case RMFORK_OP_COMMIT:
		return rmfork_session_commit(kargs);
	case RMFORK_OP_VERIFY:
		return rmfork_verify(&rmfork_pool, kargs);
	case RMFORK_OP_SETTLE:
		return rmfork_op_settle(kargs);
	default:
		return -EINVAL;
	}
}

/**
 * rmfork_call - carry out one operation
 * @kargs: its argument, a copy in kernel memory
 * @uargs: where the caller keeps it; results go there
 *
 * The caller has pinned the module.
 *
 * Return: >= 0 or -errno.
 */
long rmfork_call(const struct rmfork_kargs *kargs, struct rmfork_kargs __user *uargs)
{
	long ret;

	if (!rmfork_privileged())
		return -EPERM;
	if (!fields_ok(kargs))
		return -EINVAL;
	if (needs_lazy(kargs->rmfork_opt) && !rmfork_lazy_possible())
		return -EOPNOTSUPP;
	if (!rmfork_pool.guest)
		return rmfork_carry_out(kargs, uargs);
	if (changes_pool(kargs->rmfork_opt))
		return -EROFS;
	ret = rmfork_carry_out(kargs, uargs);
	/* What was pinned for it and is not mapped. */
	rmfork_guest_tidy(&rmfork_pool);
	return ret;
}
