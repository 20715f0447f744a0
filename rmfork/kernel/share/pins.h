/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The table of guests, as the owner of the pool sees it.
 */
#ifndef RMFORK_SHARE_PINS_H
#define RMFORK_SHARE_PINS_H

#include <linux/types.h>

struct rmfork_guest;
struct rmfork_guest_block;
struct rmfork_snapshot;
struct ubmem;

int ubmem_guests_format(struct ubmem *ub);
bool ubmem_guests_any(const struct ubmem *ub, u64 guests_off);
int ubmem_guests_adopt(struct ubmem *ub, u64 guests_off);
int ubmem_pins_adopt(struct ubmem *ub);
bool ubmem_pinned(struct ubmem *ub, const struct rmfork_snapshot *snap);
void ubmem_detain(struct rmfork_snapshot *snap);
void ubmem_release_detained(struct ubmem *ub);
struct rmfork_guest_block *ubmem_guest_map(const struct ubmem *ub, u32 slot);
u32 ubmem_guest_next(struct ubmem *ub, u32 slot, struct rmfork_guest *guest);
u32 ubmem_guest_count(struct ubmem *ub);
int ubmem_guest_forget(struct ubmem *ub, const u8 *uuid);

#endif /* RMFORK_SHARE_PINS_H */
