/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_DELAY_H
#define HOST_LINUX_DELAY_H
/* How often somebody has waited. */
extern unsigned long host_slept;
#define usleep_range(min, max) ((void)(min), (void)(max), (void)host_slept++)
#endif
