/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_STRING_H
#define HOST_LINUX_STRING_H
#include <string.h>
static inline void strscpy_pad(char *to, const char *from, size_t size)
{
	memset(to, 0, size);
	memcpy(to, from, strnlen(from, size - 1));
}
#endif
