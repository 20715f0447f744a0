// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/pagemap.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/base/proc.h"

namespace criu::mm {

namespace {

// include/uapi/linux/fs.h of Linux 6.7, newer than Debian 12's headers.
struct PageRegion {
  uint64_t start, end, categories;
};
struct PmScanArg {
  uint64_t size, flags, start, end, walk_end, vec, vec_len, max_pages;
  uint64_t category_inverted, category_mask, category_anyof_mask, return_mask;
};
constexpr uint64_t kPageIsFile = 1 << 2, kPageIsPresent = 1 << 3, kPageIsSwapped = 1 << 4,
                   kPageIsPfnZero = 1 << 5;
constexpr uint64_t kPageIsGuard = 1 << 8;  // Linux 6.15: MADV_GUARD_INSTALL
const unsigned long kPagemapScan = _IOWR('f', 16, PmScanArg);
constexpr size_t kRegions = 1024;

// Bits of an entry of /proc/pid/pagemap.
constexpr uint64_t kPresent = 1ULL << 63, kSwapped = 1ULL << 62, kFileOrShared = 1ULL << 61;
constexpr uint64_t kPfnMask = (1ULL << 55) - 1;
constexpr size_t kEntries = 8192;

// The frame that every untouched readable page of anonymous memory is mapped to; 0 where frames are
// not to be seen.
uint64_t find_zero_frame() {
  void* page = mmap(nullptr, kPage, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page == MAP_FAILED) return 0;
  madvise(page, kPage, MADV_NOHUGEPAGE);
  volatile char touch = *static_cast<volatile char*>(page);
  static_cast<void>(touch);
  uint64_t entry = 0;
  const UniqueFd fd = open_path("/proc/self/pagemap", O_RDONLY);
  const auto offset = static_cast<off_t>(reinterpret_cast<uint64_t>(page) / kPage * sizeof entry);
  if (pread(fd.get(), &entry, sizeof entry, offset) != sizeof entry) entry = 0;
  munmap(page, kPage);
  return (entry & kPresent) != 0 ? entry & kPfnMask : 0;
}

uint64_t zero_frame() {
  static const uint64_t frame = find_zero_frame();
  return frame;
}

}  // namespace

void append_run(std::vector<PageRun>& runs, uint64_t start, uint64_t pages) {
  if (pages == 0) return;
  if (!runs.empty() && runs.back().end() == start)
    runs.back().pages += pages;
  else
    runs.push_back({start, pages});
}

PagemapScanner::PagemapScanner(pid_t pid)
    : fd_(open_path(proc::path(pid, "pagemap"), O_RDONLY)), guard_category_(kPageIsGuard) {}

bool PagemapScanner::kernel_can_scan() {
  PmScanArg arg{};
  arg.size = sizeof arg;
  arg.return_mask = kPageIsPresent;
  const UniqueFd fd = open_path("/proc/self/pagemap", O_RDONLY);
  return ioctl(fd.get(), kPagemapScan, &arg) >= 0;
}

std::vector<PageRun> PagemapScanner::private_pages(const Vma& vma) {
  // Pages that an rmfork restore inserted are no anonymous pages; in a mapping that may have such,
  // and where no file is behind it, every page counts.
  const bool with_file_pages = !vma.is_file() || vma.mixed;
  std::vector<PageRun> runs;
  if (!can_scan_ || !scan(vma, with_file_pages, runs)) {
    can_scan_ = false;
    runs.clear();
    read_pagemap(vma, with_file_pages, runs);
  }
  return runs;
}

bool PagemapScanner::scan(const Vma& vma, bool with_file_pages, std::vector<PageRun>& runs) {
  PageRegion regions[kRegions];
  PmScanArg arg{};
  arg.size = sizeof arg;
  arg.start = vma.start;
  arg.end = vma.end;
  arg.vec = reinterpret_cast<uint64_t>(regions);
  arg.vec_len = kRegions;
  arg.category_inverted = kPageIsPfnZero | (with_file_pages ? 0 : kPageIsFile);
  arg.category_mask = arg.category_inverted;
  arg.category_anyof_mask = kPageIsPresent | kPageIsSwapped;
  arg.return_mask = kPageIsPresent | guard_category_;
  while (arg.start < vma.end) {
    const int n = ioctl(fd_.get(), kPagemapScan, &arg);
    if (n < 0 && errno == EINVAL && guard_category_ != 0) {
      guard_category_ = 0;
      arg.return_mask = kPageIsPresent;
      continue;
    }
    if (n < 0) {
      if (errno == ENOTTY || errno == EINVAL) return false;
      fail_errno("cannot find the pages of {:x}-{:x} (PAGEMAP_SCAN)", vma.start, vma.end);
    }
    for (int i = 0; i < n; i++) {
      if ((regions[i].categories & kPageIsGuard) != 0)
        fail("guard pages at {:x} (MADV_GUARD_INSTALL) are not supported yet", regions[i].start);
      append_run(runs, regions[i].start, (regions[i].end - regions[i].start) / kPage);
    }
    if (arg.walk_end <= arg.start) break;
    arg.start = arg.walk_end;
  }
  return true;
}

void PagemapScanner::read_pagemap(const Vma& vma, bool with_file_pages,
                                  std::vector<PageRun>& runs) {
  std::vector<uint64_t> entries(kEntries);
  for (uint64_t at = vma.start; at < vma.end;) {
    const size_t want = std::min<uint64_t>(kEntries, (vma.end - at) / kPage);
    const ssize_t n = pread(fd_.get(), entries.data(), want * sizeof(uint64_t),
                            static_cast<off_t>(at / kPage * sizeof(uint64_t)));
    if (n <= 0) fail_errno("cannot read the pagemap of {:x}-{:x}", vma.start, vma.end);
    const size_t got = static_cast<size_t>(n) / sizeof(uint64_t);
    for (size_t i = 0; i < got; i++, at += kPage) {
      const uint64_t e = entries[i];
      if ((e & (kPresent | kSwapped)) == 0) continue;
      if ((e & kFileOrShared) != 0 && !with_file_pages) continue;
      if ((e & kPresent) != 0 && zero_frame() != 0 && (e & kPfnMask) == zero_frame()) continue;
      append_run(runs, at, 1);
    }
  }
}

}  // namespace criu::mm
