/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_DELAY_H
#define HOST_LINUX_DELAY_H
/* How often somebody has waited. */
extern unsigned long host_slept;
#define msleep(ms) ((void)(ms), (void)host_slept++)
#endif
