/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_SLAB_H
#define HOST_LINUX_SLAB_H
#include <stdlib.h>
#define GFP_KERNEL 0
/* The allocation, counted from 1, that fails; 0: none. */
extern unsigned long host_failing;
static inline int host_fails(void)
{
	return host_failing && !--host_failing;
}
static inline void *host_alloc(size_t n, size_t size)
{
	return host_fails() ? NULL : calloc(n, size);
}
#define kmalloc(size, flags) (host_fails() ? NULL : malloc(size))
#define kzalloc(size, flags) host_alloc(1, size)
#define kfree(p) free(p)
#define kmalloc_array(n, size, flags) host_alloc(n, size)
#define kvmalloc_array(n, size, flags) host_alloc(n, size)
#define kvcalloc(n, size, flags) host_alloc(n, size)
#define kvfree(p) free(p)
#endif
