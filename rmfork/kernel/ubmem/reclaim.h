/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Pages that tasks still have.
 */
#ifndef RMFORK_UBMEM_RECLAIM_H
#define RMFORK_UBMEM_RECLAIM_H

#include <linux/types.h>

struct ubmem;

void ubmem_pin_pending(struct ubmem *ub, bool had_pending);
void ubmem_reclaim_pending(struct ubmem *ub);
void ubmem_note_mapped(struct ubmem *ub);
void ubmem_reclaim(struct ubmem *ub);
void ubmem_reclaim_init(struct ubmem *ub);
void ubmem_reclaim_stop(struct ubmem *ub);

#endif /* RMFORK_UBMEM_RECLAIM_H */
