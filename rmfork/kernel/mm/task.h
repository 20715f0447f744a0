/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding what an operation is about: the task, and its ranges.
 */
#ifndef RMFORK_MM_TASK_H
#define RMFORK_MM_TASK_H

#include <linux/types.h>
#include <linux/uio.h>
#include <rmfork/uapi.h>

struct mm_struct;

/**
 * struct rmfork_ranges - the addresses an operation is limited to
 * @iov: ascending, apart, page aligned; one range over everything if none were given
 * @nr:	 their number
 */
struct rmfork_ranges {
	struct iovec *iov;
	unsigned long nr;
};

int rmfork_ranges_load(struct rmfork_ranges *ranges, const struct rmfork_kargs *kargs);
void rmfork_ranges_free(struct rmfork_ranges *ranges);
struct mm_struct *rmfork_mm_get(u64 pid);

#endif /* RMFORK_MM_TASK_H */
