/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A pool from the beginning to the end.
 */
#ifndef RMFORK_SHARE_OPEN_H
#define RMFORK_SHARE_OPEN_H

struct ubmem;

#define UBMEM_FORMAT 1 /* forget what is there already */
#define UBMEM_TAKE 2   /* use it though another machine says that it does */
#define UBMEM_ATTACH 4 /* use what another machine owns, as a guest */

int rmfork_open(struct ubmem *ub, unsigned int how);
void rmfork_close(struct ubmem *ub);

#endif /* RMFORK_SHARE_OPEN_H */
