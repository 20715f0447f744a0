/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_VMALLOC_H
#define HOST_LINUX_VMALLOC_H
#include <linux/slab.h>
#define vcalloc(n, size) host_alloc(n, size)
#define vfree(p) free(p)
#endif
