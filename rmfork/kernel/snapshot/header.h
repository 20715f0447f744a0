/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The header of a snapshot.
 */
#ifndef RMFORK_SNAPSHOT_HEADER_H
#define RMFORK_SNAPSHOT_HEADER_H

#include <linux/types.h>

struct rmfork_snapshot;
struct rmfork_snapshot_header;

u32 rmfork_header_crc(const struct rmfork_snapshot_header *header);
void rmfork_header_publish(struct rmfork_snapshot *snap);
void rmfork_header_retract(struct rmfork_snapshot *snap);
bool rmfork_snapshot_freed(const struct rmfork_snapshot *snap);
bool rmfork_header_retracted(struct rmfork_snapshot *snap);
int rmfork_header_check(struct rmfork_snapshot *snap);
const char *rmfork_header_fault(const struct rmfork_snapshot *snap);
int rmfork_damaged(const struct rmfork_snapshot *snap, u64 off, const char *what);

#endif /* RMFORK_SNAPSHOT_HEADER_H */
