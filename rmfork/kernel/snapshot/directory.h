/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where in ubmem the snapshots are named that stay.
 */
#ifndef RMFORK_SNAPSHOT_DIRECTORY_H
#define RMFORK_SNAPSHOT_DIRECTORY_H

#include <linux/types.h>

struct rmfork_snapshot;
struct ubmem;

/**
 * struct rmfork_directory - the directory, as we know it
 * @blocks: numbers of its pages
 * @nr:	    how many
 * @taken:  a bit per place
 *
 * Under ub->lock, or before anybody else knows the pool.
 */
struct rmfork_directory {
	u64 *blocks;
	u64 nr;
	unsigned long *taken;
};

int ubmem_dir_note(struct ubmem *ub, u64 nr);
int ubmem_dir_format(struct ubmem *ub, u64 nr);
int ubmem_dir_reserve(struct ubmem *ub, u64 *slot);
void ubmem_dir_enter(struct rmfork_snapshot *snap);
void ubmem_dir_strike(struct rmfork_snapshot *snap);
int ubmem_dir_check(struct ubmem *ub);
void ubmem_dir_tidy(struct ubmem *ub);
void ubmem_dir_forget(struct ubmem *ub);

#endif /* RMFORK_SNAPSHOT_DIRECTORY_H */
