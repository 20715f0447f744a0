/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_ATOMIC_H
#define HOST_LINUX_ATOMIC_H
#define sync_cmpxchg(p, old, new) __sync_val_compare_and_swap(p, old, new)
#endif
