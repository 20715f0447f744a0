/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The pages of a pool, from the beginning to the end.
 */
#ifndef RMFORK_UBMEM_POOL_H
#define RMFORK_UBMEM_POOL_H

#include "ubmem/ubmem.h"

int ubmem_init(struct ubmem *ub, const struct ubmem_calls *calls);
void ubmem_destroy(struct ubmem *ub);

#endif /* RMFORK_UBMEM_POOL_H */
