/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_VMALLOC_H
#define HOST_LINUX_VMALLOC_H
#include <stdlib.h>
#define vcalloc(n, size) calloc(n, size)
#define vfree(p) free(p)
#endif
