/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking over a pool that is there already.
 */
#ifndef RMFORK_SHARE_ADOPT_H
#define RMFORK_SHARE_ADOPT_H

#include <linux/types.h>

struct ubmem;

int ubmem_may_adopt(struct ubmem *ub, u64 user, bool take);
int ubmem_adopt(struct ubmem *ub);

#endif /* RMFORK_SHARE_ADOPT_H */
