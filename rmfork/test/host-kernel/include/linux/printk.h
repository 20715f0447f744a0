/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_PRINTK_H
#define HOST_LINUX_PRINTK_H
#include <stdio.h>
/* What the kernel would say is kept for the tests to look at. */
extern char host_said[256];
#define pr_err(...) ((void)snprintf(host_said, sizeof(host_said), __VA_ARGS__))
#define pr_warn(...) pr_err(__VA_ARGS__)
#endif
