/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Using a pool that another machine owns.
 */
#ifndef RMFORK_SHARE_GUEST_H
#define RMFORK_SHARE_GUEST_H

#include <linux/types.h>

struct rmfork_snapshot;
struct ubmem;

int ubmem_attach(struct ubmem *ub);
void ubmem_detach(struct ubmem *ub);
struct rmfork_snapshot *rmfork_guest_get(struct ubmem *ub, u64 meta_off);
void rmfork_guest_tidy(struct ubmem *ub);

#endif /* RMFORK_SHARE_GUEST_H */
