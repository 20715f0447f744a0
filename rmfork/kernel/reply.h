/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Giving a caller a structure, of whatever version it knows.
 */
#ifndef RMFORK_REPLY_H
#define RMFORK_REPLY_H

#include <linux/types.h>

struct rmfork_kargs;

bool rmfork_size_ok(u64 size, size_t least);
int rmfork_fill_user(const struct rmfork_kargs *kargs, const void *from, size_t known);

#endif /* RMFORK_REPLY_H */
