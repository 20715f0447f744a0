/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Sharing what other tasks have stored already.
 */
#ifndef RMFORK_MM_ORIGIN_H
#define RMFORK_MM_ORIGIN_H

#include <linux/types.h>

struct page;
struct ubmem;

bool rmfork_origin_share(struct ubmem *ub, struct page *source, u64 *nr);

#endif /* RMFORK_MM_ORIGIN_H */
