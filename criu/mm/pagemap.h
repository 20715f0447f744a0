// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <vector>

#include "criu/base/fd.h"
#include "criu/mm/vma.h"

namespace criu::mm {

// A run of pages at consecutive addresses.
struct PageRun {
  uint64_t start = 0;  // address, page aligned
  uint64_t pages = 0;

  uint64_t bytes() const { return pages * kPage; }
  uint64_t end() const { return start + bytes(); }
};

// Which pages of a task hold data of its own.
//
// By PAGEMAP_SCAN (Linux 6.7; Documentation/admin-guide/mm/pagemap.rst) where the kernel has it,
// else by /proc/pid/pagemap. Pages of zeros that the kernel shares, and unchanged pages of files,
// are not its own.
class PagemapScanner {
 public:
  explicit PagemapScanner(pid_t pid);
  // Whether this kernel has PAGEMAP_SCAN.
  static bool kernel_can_scan(uint64_t categories = 0);

  // The task's own pages in a private mapping, by address. Its guard pages are noted.
  std::vector<PageRun> private_pages(const Vma& vma);
  // Of a mapping whose pages nobody asks for.
  void note_guards(const Vma& vma);
  // Guard pages (madvise(2) MADV_GUARD_INSTALL) of all mappings that were looked at, as far as the
  // kernel tells of them (Linux 6.15).
  const std::vector<PageRun>& guards() const { return guards_; }

 private:
  bool scan(const Vma& vma, bool with_file_pages, std::vector<PageRun>& runs);
  void read_pagemap(const Vma& vma, bool with_file_pages, std::vector<PageRun>& runs);

  pid_t pid_;
  UniqueFd fd_;
  bool can_scan_ = true;
  uint64_t guard_category_;  // 0 where the kernel does not know it
  std::vector<uint64_t> entries_;
  std::vector<PageRun> guards_;
};

// Appends, and merges with the last run where they touch.
void append_run(std::vector<PageRun>& runs, uint64_t start, uint64_t pages);

}  // namespace criu::mm
