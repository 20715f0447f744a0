/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_SCHED_SIGNAL_H
#define HOST_LINUX_SCHED_SIGNAL_H
#include <linux/types.h>
/* Whether the caller has been killed. */
extern bool host_killed;
#define fatal_signal_pending(task) host_killed
#endif
