/* SPDX-License-Identifier: GPL-2.0-only */
/* Pages that may not be touched, for the tests that have some. */
#ifndef ZDTM_LIB_FAULT_H
#define ZDTM_LIB_FAULT_H

#include <stdbool.h>
#include <stddef.h>

/* From here on SIGSEGV is handled, for is_readable(): whether a byte can be read. It is not changed. */
void catch_faults(void);
bool is_readable(const volatile char *at);

/* madvise(2) MADV_GUARD_INSTALL and MADV_GUARD_REMOVE, Linux 6.13: 0, or -1 with errno. */
int guard(void *at, size_t size);
int unguard(void *at, size_t size);

#endif
