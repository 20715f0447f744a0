/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_ATOMIC_H
#define HOST_LINUX_ATOMIC_H
#include <linux/types.h>
#define sync_cmpxchg(p, old, new)                                                        \
	({                                                                               \
		const __typeof__(*(p)) host_was = __sync_val_compare_and_swap(p, old, new); \
		if (host_was == (old))                                                   \
			host_stored(p, sizeof(*(p)));                                    \
		host_was;                                                                \
	})
#endif
