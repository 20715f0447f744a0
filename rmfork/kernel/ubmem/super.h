/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The superblocks.
 */
#ifndef RMFORK_UBMEM_SUPER_H
#define RMFORK_UBMEM_SUPER_H

#include <linux/types.h>

struct rmfork_super;
struct ubmem;

u64 ubmem_user(const struct ubmem *ub);
bool ubmem_swap_user(const struct ubmem *ub, u64 from, u64 to);
bool ubmem_lost(struct ubmem *ub);
int ubmem_write_super(struct ubmem *ub);
void ubmem_begin_format(struct ubmem *ub);
void ubmem_end_format(struct ubmem *ub);
bool ubmem_blank(const struct ubmem *ub);
int ubmem_adopt_super(struct ubmem *ub, struct rmfork_super *super);
int ubmem_check_super(struct ubmem *ub);

#endif /* RMFORK_UBMEM_SUPER_H */
