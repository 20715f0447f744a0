/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which mappings are ours to handle.
 */
#ifndef RMFORK_MM_VMA_H
#define RMFORK_MM_VMA_H

#include <linux/types.h>

struct vm_area_struct;

bool rmfork_vma_private(const struct vm_area_struct *vma);

#endif /* RMFORK_MM_VMA_H */
