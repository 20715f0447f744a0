/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_UACCESS_H
#define HOST_LINUX_UACCESS_H
#include <linux/types.h>
/* The caller is in the same address space, and gives nothing but good addresses. */
#define u64_to_user_ptr(x) ((void *)(uintptr_t)(x))
static inline unsigned long copy_to_user(void *to, const void *from, unsigned long n)
{
	memcpy(to, from, n);
	return 0;
}
static inline unsigned long copy_from_user(void *to, const void *from, unsigned long n)
{
	return copy_to_user(to, from, n);
}
static inline unsigned long clear_user(void *to, unsigned long n)
{
	memset(to, 0, n);
	return 0;
}
#endif
