/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * ubmem in ordinary memory.
 */
#ifndef RMFORK_UBMEM_BACKING_ALLOC_H
#define RMFORK_UBMEM_BACKING_ALLOC_H

#include "ubmem/ubmem.h"

extern const struct ubmem_backing ubmem_backing_alloc;

#endif /* RMFORK_UBMEM_BACKING_ALLOC_H */
