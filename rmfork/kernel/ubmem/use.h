/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What each page of ubmem is used for, and by how many snapshots.
 */
#ifndef RMFORK_UBMEM_USE_H
#define RMFORK_UBMEM_USE_H

#include <linux/types.h>

#include "ubmem/ubmem.h"

/* In ubmem.use[]: the kind above, the number of snapshots below. */
#define UBMEM_KIND_SHIFT 28
#define UBMEM_MAX_USERS ((1U << UBMEM_KIND_SHIFT) - 1)

void ubmem_set_use(struct ubmem *ub, u64 nr, enum ubmem_kind kind, u32 users);
enum ubmem_kind ubmem_kind_of(const struct ubmem *ub, u64 nr);
u32 ubmem_users(const struct ubmem *ub, u64 nr);
void ubmem_retire(struct ubmem *ub, u64 nr);

#endif /* RMFORK_UBMEM_USE_H */
