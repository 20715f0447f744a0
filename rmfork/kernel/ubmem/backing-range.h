/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ubmem in a range of physical addresses that the kernel does not use itself.
 */
#ifndef RMFORK_UBMEM_BACKING_RANGE_H
#define RMFORK_UBMEM_BACKING_RANGE_H

#include "ubmem/ubmem.h"

extern const struct ubmem_backing ubmem_backing_range;
extern const struct ubmem_backing ubmem_backing_ivshmem;

#endif /* RMFORK_UBMEM_BACKING_RANGE_H */
