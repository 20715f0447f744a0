/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HOST_LINUX_ERR_H
#define HOST_LINUX_ERR_H
#define ERR_PTR(error) ((void *)(long)(error))
#define PTR_ERR(ptr) ((long)(ptr))
#define IS_ERR(ptr) ((unsigned long)(ptr) >= (unsigned long)-4095L)
#endif
