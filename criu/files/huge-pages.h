// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

namespace criu::files {

// Memory of huge pages that has no name in a mounted hugetlbfs (mmap(2) MAP_HUGETLB, memfd_create(2)
// MFD_HUGETLB) lies in file systems of the kernel's own, one for each size of page. The size in the
// form of MAP_HUGE_2MB and MFD_HUGE_2MB if dev is one of them; else 0.
uint32_t own_hugetlbfs(dev_t dev);

// Where a mapping with MAP_ANONYMOUS | MAP_HUGETLB leads to: hugetlb_file_setup(),
// fs/hugetlbfs/inode.c.
constexpr std::string_view kAnonymousHugeLink = "/anon_hugepage (deleted)";

}  // namespace criu::files
