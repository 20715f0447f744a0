/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_WORKQUEUE_H
#define HOST_LINUX_WORKQUEUE_H
#include <linux/types.h>
struct work_struct {
	int unused;
};
struct delayed_work {
	struct work_struct work;
	void (*fn)(struct work_struct *work);
	bool scheduled;
};
static inline struct delayed_work *to_delayed_work(struct work_struct *work)
{
	return container_of(work, struct delayed_work, work);
}
static inline void schedule_delayed_work(struct delayed_work *work, unsigned long delay)
{
	(void)delay;
	work->scheduled = true;
}
static inline void cancel_delayed_work_sync(struct delayed_work *work)
{
	work->scheduled = false;
}
#define INIT_DELAYED_WORK(w, f) ((w)->fn = (f), (w)->scheduled = false)
#endif
