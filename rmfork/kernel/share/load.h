/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Copying what belongs to a snapshot from a pool that is there.
 */
#ifndef RMFORK_SHARE_LOAD_H
#define RMFORK_SHARE_LOAD_H

struct rmfork_guest_pin;
struct rmfork_snapshot;
struct ubmem;

int rmfork_adopt_index(struct rmfork_snapshot *snap);
struct rmfork_snapshot *rmfork_adopt_freed(struct ubmem *ub, const struct rmfork_guest_pin *pin);

#endif /* RMFORK_SHARE_LOAD_H */
