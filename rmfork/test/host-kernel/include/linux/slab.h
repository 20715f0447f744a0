/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_SLAB_H
#define HOST_LINUX_SLAB_H
#include <stdlib.h>
#define GFP_KERNEL 0
#define kmalloc(size, flags) malloc(size)
#define kzalloc(size, flags) calloc(1, size)
#define kfree(p) free(p)
#define kmalloc_array(n, size, flags) calloc(n, size)
#define kvmalloc_array(n, size, flags) calloc(n, size)
#define kvcalloc(n, size, flags) calloc(n, size)
#define kvfree(p) free(p)
#endif
