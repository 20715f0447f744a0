/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Taking pages of ubmem into use, and giving them back.
 */
#ifndef RMFORK_UBMEM_ALLOC_H
#define RMFORK_UBMEM_ALLOC_H

#include <linux/types.h>

#include "ubmem/ubmem.h"

int ubmem_alloc_run(struct ubmem *ub, enum ubmem_kind kind, u64 want, u64 *first, u64 *got);
int ubmem_alloc_huge(struct ubmem *ub, u64 *first);
bool ubmem_share_page(struct ubmem *ub, u64 nr);
void ubmem_put_run(struct ubmem *ub, u64 first, u64 nr);
int ubmem_take_system(struct ubmem *ub, u64 *nr);
void ubmem_put_system(struct ubmem *ub, u64 nr);
bool ubmem_claim(struct ubmem *ub, u64 nr, enum ubmem_kind kind);
bool ubmem_claim_off(struct ubmem *ub, u64 off, enum ubmem_kind kind);

#endif /* RMFORK_UBMEM_ALLOC_H */
