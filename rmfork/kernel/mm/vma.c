// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which mappings are ours to handle.
 */
#include <linux/fs.h>
#include <linux/mm.h>

#include "mm/compat.h"
#include "mm/lazy.h"
#include "mm/vma.h"

/**
 * rmfork_vma_private - whether a mapping's changed pages are the task's own, and ours to handle
 * @vma: the mapping, under its mmap lock
 *
 * Left to others: shared and hugetlb mappings, what a driver filled (VM_IO, VM_PFNMAP, and
 * VM_MIXEDMAP of anything but regular files and memory that is filled lazily), shadow stacks, and what the kernel
 * maps for itself (vdso, vvar, uprobes: with operations, without a file).
 */
bool rmfork_vma_private(const struct vm_area_struct *vma)
{
	if (vma->vm_flags & (VM_SHARED | VM_MAYSHARE | VM_HUGETLB | VM_IO | VM_PFNMAP |
			     RMFORK_VM_SHADOW_STACK))
		return false;
	if (rmfork_lazy_vma(vma))
		return true;
	if (vma->vm_flags & VM_MIXEDMAP)
		return vma->vm_file && S_ISREG(file_inode(vma->vm_file)->i_mode);
	return vma_is_anonymous((struct vm_area_struct *)vma) || vma->vm_file;
}
