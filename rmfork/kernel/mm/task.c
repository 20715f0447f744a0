// SPDX-License-Identifier: GPL-2.0-only
/*
 * Finding what an operation is about: the task, and its ranges.
 */
#include <linux/capability.h>
#include <linux/mm.h>
#include <linux/pid.h>
#include <linux/ptrace.h>
#include <linux/sched.h>
#include <linux/sched/mm.h>
#include <linux/sched/signal.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include <linux/sort.h>
#include <linux/uaccess.h>

#include "mm/task.h"

static int compare_iov(const void *a, const void *b)
{
	unsigned long x = (unsigned long)((const struct iovec *)a)->iov_base;
	unsigned long y = (unsigned long)((const struct iovec *)b)->iov_base;

	return x < y ? -1 : x > y;
}

/* Sorts and checks: aligned, not empty, within user space, apart from each other. */
static int check_iovs(struct iovec *iov, unsigned long nr)
{
	unsigned long i, base, floor = 0;

	sort(iov, nr, sizeof(*iov), compare_iov, NULL);
	for (i = 0; i < nr; i++) {
		base = (unsigned long)iov[i].iov_base;
		if (offset_in_page(base) || offset_in_page(iov[i].iov_len) || !iov[i].iov_len)
			return -EINVAL;
		if (base < floor || base >= TASK_SIZE_MAX || iov[i].iov_len > TASK_SIZE_MAX - base)
			return -EINVAL;
		floor = base + iov[i].iov_len;
	}
	return 0;
}

/**
 * rmfork_ranges_load - take the caller's ranges, once
 * @ranges: filled; freed by rmfork_ranges_free()
 * @kargs:  iovs and nr_iovs
 *
 * Return: 0, -EINVAL, -EFAULT or -ENOMEM.
 */
int rmfork_ranges_load(struct rmfork_ranges *ranges, const struct rmfork_kargs *kargs)
{
	bool all = !kargs->iovs;
	int ret = 0;

	if (all != !kargs->nr_iovs || kargs->nr_iovs > RMFORK_MAX_IOVS)
		return -EINVAL;
	ranges->nr = all ? 1 : kargs->nr_iovs;
	ranges->iov = kvmalloc_array(ranges->nr, sizeof(*ranges->iov), GFP_KERNEL);
	if (!ranges->iov)
		return -ENOMEM;
	if (all)
		ranges->iov[0] = (struct iovec){ .iov_len = TASK_SIZE_MAX };
	else if (copy_from_user(ranges->iov, u64_to_user_ptr(kargs->iovs),
				ranges->nr * sizeof(*ranges->iov)))
		ret = -EFAULT;
	else
		ret = check_iovs(ranges->iov, ranges->nr);
	if (ret)
		rmfork_ranges_free(ranges);
	return ret;
}

/**
 * rmfork_ranges_free - undo rmfork_ranges_load()
 * @ranges: loaded
 */
void rmfork_ranges_free(struct rmfork_ranges *ranges)
{
	kvfree(ranges->iov);
}

/*
 * Whether the caller may read and write a task's memory: as for ptrace(2), but that is not exported. Who traces
 * the task was allowed to; which of its threads does the call is its own affair.
 */
static bool may_access(struct task_struct *task, const struct mm_struct *mm)
{
	struct task_struct *tracer;
	bool traced;

	if (mm == current->mm)
		return true;
	rcu_read_lock();
	tracer = ptrace_parent(task);
	traced = tracer && same_thread_group(tracer, current);
	rcu_read_unlock();
	return traced || ns_capable(mm->user_ns, CAP_SYS_PTRACE);
}

/* The address space of @task for the caller; an ERR_PTR as of rmfork_mm_get(). */
static struct mm_struct *task_mm_get(struct task_struct *task)
{
	struct mm_struct *mm = get_task_mm(task);

	if (!mm)
		return ERR_PTR(-ESRCH);
	if (may_access(task, mm))
		return mm;
	mmput(mm);
	return ERR_PTR(-EPERM);
}

/**
 * rmfork_mm_get - a task's address space
 * @pid: in the caller's pid namespace; 0 is the caller
 *
 * Return: the mm, to be dropped by mmput(), or an ERR_PTR of -ESRCH: no such task, a zombie, or a
 * kernel thread; -EPERM: another's, whom the caller neither traces nor may trace whatever it is.
 */
struct mm_struct *rmfork_mm_get(u64 pid)
{
	struct task_struct *task;
	struct mm_struct *mm;
	struct pid *struct_pid;

	if (pid > INT_MAX)
		return ERR_PTR(-ESRCH);
	if (!pid)
		return task_mm_get(current);
	struct_pid = find_get_pid(pid);
	task = get_pid_task(struct_pid, PIDTYPE_PID);
	put_pid(struct_pid);
	if (!task)
		return ERR_PTR(-ESRCH);
	mm = task_mm_get(task);
	put_task_struct(task);
	return mm;
}
