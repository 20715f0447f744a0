/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The directory, as a guest sees it.
 */
#ifndef RMFORK_SHARE_WALK_H
#define RMFORK_SHARE_WALK_H

#include <linux/types.h>

struct rmfork_snapshot_header;
struct ubmem;

/* How often something is looked for that the owner may have changed just now. */
#define RMFORK_WALK_TRIES 100

typedef int (*rmfork_named_fn)(u64 meta_off, void *arg);

int rmfork_guest_attached(struct ubmem *ub);
int rmfork_walk(struct ubmem *ub, rmfork_named_fn fn, void *arg);
int rmfork_guest_next(struct ubmem *ub, u64 generation, struct rmfork_snapshot_header *header,
		      u64 *meta_off);
int rmfork_guest_check(struct ubmem *ub);
int rmfork_guest_count(struct ubmem *ub, u64 *generation, u64 *snapshots);

#endif /* RMFORK_SHARE_WALK_H */
