/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The superblock.
 */
#ifndef RMFORK_UBMEM_SUPER_H
#define RMFORK_UBMEM_SUPER_H

#include <linux/types.h>

struct rmfork_super;
struct ubmem;

bool ubmem_lost(struct ubmem *ub);
int ubmem_write_super(struct ubmem *ub);
bool ubmem_blank(const struct ubmem *ub);
int ubmem_adopt_super(struct ubmem *ub, struct rmfork_super *super);
int ubmem_check_super(struct ubmem *ub);

#endif /* RMFORK_UBMEM_SUPER_H */
