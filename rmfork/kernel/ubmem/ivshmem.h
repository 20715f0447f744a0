/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Finding memory that another machine has too.
 */
#ifndef RMFORK_UBMEM_IVSHMEM_H
#define RMFORK_UBMEM_IVSHMEM_H

struct ubmem;

int rmfork_ivshmem_find(struct ubmem *ub);
void rmfork_ivshmem_put(void);

#endif /* RMFORK_UBMEM_IVSHMEM_H */
