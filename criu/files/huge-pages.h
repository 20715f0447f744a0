// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/mman.h>
#include <sys/types.h>

#include <cstdint>
#include <string_view>

namespace criu::files {

// Memory of huge pages that has no name in a mounted hugetlbfs (mmap(2) MAP_HUGETLB, memfd_create(2)
// MFD_HUGETLB, shmget(2) SHM_HUGETLB) lies in file systems of the kernel's own, one for each size of
// page. The size in the form of MAP_HUGE_2MB, MFD_HUGE_2MB and SHM_HUGE_2MB if dev is one of them;
// else 0.
uint32_t own_hugetlbfs(dev_t dev);

// The bits of that form, and it as bytes.
constexpr uint32_t kHugePageForm = static_cast<uint32_t>(MAP_HUGE_MASK) << MAP_HUGE_SHIFT;
constexpr uint64_t huge_page_size(uint32_t form) {
  return 1ULL << (form >> MAP_HUGE_SHIFT & MAP_HUGE_MASK);
}

// Where a mapping with MAP_ANONYMOUS | MAP_HUGETLB leads to: hugetlb_file_setup(),
// fs/hugetlbfs/inode.c.
constexpr std::string_view kAnonymousHugeLink = "/anon_hugepage (deleted)";

}  // namespace criu::files
