/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_MUTEX_H
#define HOST_LINUX_MUTEX_H
/* One thread: a lock taken twice or given back twice is a mistake all the same. */
struct mutex {
	int held;
};
static inline void mutex_init(struct mutex *m)
{
	m->held = 0;
}
static inline void mutex_lock(struct mutex *m)
{
	host_warn_on(m->held++ != 0);
}
static inline void mutex_unlock(struct mutex *m)
{
	host_warn_on(--m->held != 0);
}
#endif
