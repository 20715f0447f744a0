/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's types, for building parts of the module as a program. */
#ifndef HOST_LINUX_TYPES_H
#define HOST_LINUX_TYPES_H

#include_next <linux/types.h>

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

typedef __u8 u8;
typedef __u32 u32;
typedef __u64 u64;
typedef unsigned long vm_flags_t;
typedef u64 phys_addr_t;
typedef struct { int counter; } atomic_t;

#define U32_MAX 0xffffffffU
#define HZ 100
#define __user
/* Of those that are on. */
#define IS_ENABLED(option) option
#define READ_ONCE(x) (*(const volatile __typeof__(x) *)&(x))
#define smp_wmb() __sync_synchronize()
/* Where another machine may do something in between. */
#define virt_mb() host_barrier()
#define virt_wmb() __sync_synchronize()
#define virt_rmb() __sync_synchronize()
#define WRITE_ONCE(x, v) \
	(*(volatile __typeof__(x) *)&(x) = (v), host_stored((const void *)&(x), sizeof(x)))
/* What was flushed from the caches is in memory. */
#define pmem_wmb() host_persisted()
#define offsetofend(type, member) (offsetof(type, member) + sizeof(((type *)0)->member))
#define BITS_PER_LONG 64
#define BITS_TO_LONGS(n) DIV_ROUND_UP(n, BITS_PER_LONG)
#define DIV_ROUND_UP(a, b) (((a) + (b) - 1) / (b))
#define round_up(a, b) (DIV_ROUND_UP(a, b) * (b))
#define cond_resched() ((void)0)
#ifndef __cplusplus
#define min(a, b) ((a) < (b) ? (a) : (b))
#define max(a, b) ((a) > (b) ? (a) : (b))
#define min_t(type, a, b) min((type)(a), (type)(b))
#define max_t(type, a, b) max((type)(a), (type)(b))
#endif
#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))
#define WARN_ON(x) host_warn_on(!!(x))

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define offset_in_page(p) ((unsigned long)(p) & (PAGE_SIZE - 1))
#define TASK_SIZE_MAX ((1UL << 47) - PAGE_SIZE)

#ifdef __cplusplus
extern "C"
#endif
void host_warn_on(bool on);
#ifdef __cplusplus
extern "C"
#endif
void host_barrier(void);
/* Of what is written, to a page of the pool or elsewhere: that it is; is flushed; and is waited for. */
#ifdef __cplusplus
extern "C" {
#endif
void host_stored(const void *at, size_t len);
void host_flushed(const void *at, size_t len);
void host_persisted(void);
#ifdef __cplusplus
}
#endif
/* And right before bytes are copied from a page. */
struct page;
#ifdef __cplusplus
extern "C"
#endif
void host_reads(const struct page *page);

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#endif
