/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Snapshots that go with their owner until committed: SESSION, COMMIT.
 */
#ifndef RMFORK_SNAPSHOT_SESSION_H
#define RMFORK_SNAPSHOT_SESSION_H

#include <linux/types.h>

struct file;
struct rmfork_kargs;
struct rmfork_session;
struct ubmem;

long rmfork_session_open(struct ubmem *ub);
struct rmfork_session *rmfork_session_get(u64 va, struct file **file);
long rmfork_session_commit(const struct rmfork_kargs *kargs);

#endif /* RMFORK_SNAPSHOT_SESSION_H */
