/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which page of ordinary memory was stored where in ubmem.
 */
#ifndef RMFORK_UBMEM_ORIGINS_H
#define RMFORK_UBMEM_ORIGINS_H

#include <linux/types.h>

struct page;
struct ubmem;

void ubmem_origin_forget(struct ubmem *ub, u64 nr);
void ubmem_origin_note(struct ubmem *ub, u64 nr, const struct page *source);
bool ubmem_origin_find(struct ubmem *ub, const struct page *source, u64 *nr);

#endif /* RMFORK_UBMEM_ORIGINS_H */
