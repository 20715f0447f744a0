/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_IDR_H
#define HOST_LINUX_IDR_H
struct ida {
	int unused;
};
static inline void ida_init(struct ida *ida)
{
	ida->unused = 0;
}
static inline void ida_destroy(struct ida *ida)
{
	ida->unused = 0;
}
#endif
