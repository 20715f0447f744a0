/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_RANDOM_H
#define HOST_LINUX_RANDOM_H
#define get_random_u64() 4ULL
#endif
