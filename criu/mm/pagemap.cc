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
constexpr size_t kEntries = 128 * 1024;  // read at once: 512 MiB of addresses

// Calls each(region) for all regions of a mapping that the kernel finds. 0, or errno.
template <typename F>
int walk(int fd, PmScanArg& arg, const Vma& vma, F each) {
  PageRegion regions[kRegions];
  arg.size = sizeof arg;
  arg.start = vma.start;
  arg.end = vma.end;
  arg.vec = reinterpret_cast<uint64_t>(regions);
  arg.vec_len = kRegions;
  while (arg.start < vma.end) {
    arg.walk_end = 0;
    const int n = ioctl(fd, kPagemapScan, &arg);
    if (n < 0) return errno;
    for (int i = 0; i < n; i++) each(regions[i]);
    // The kernel collects 512 regions at a time, and does not say how far the last time went that
    // met the end of the range: walk_end is then where the one before it stopped.
    const uint64_t next = n > 0 ? std::max(arg.walk_end, regions[n - 1].end) : arg.walk_end;
    if (next <= arg.start) break;
    arg.start = next;
  }
  return 0;
}

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

// The first entry from i on, below end, that stands for a page. Most of a large mapping has none.
size_t skip_holes(const std::vector<uint64_t>& entries, size_t i, size_t end) {
  constexpr size_t kAtOnce = 8;
  const uint64_t* const e = entries.data();
  while (i + kAtOnce <= end) {
    uint64_t any = 0;
    for (size_t k = 0; k < kAtOnce; k++) any |= e[i + k];
    if ((any & (kPresent | kSwapped)) != 0) break;
    i += kAtOnce;
  }
  while (i < end && (e[i] & (kPresent | kSwapped)) == 0) i++;
  return i;
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
    : pid_(pid),
      fd_(open_path(proc::path(pid, "pagemap"), O_RDONLY)),
      guard_category_(kPageIsGuard) {}

bool PagemapScanner::kernel_can_scan(uint64_t categories) {
  PmScanArg arg{};
  arg.size = sizeof arg;
  arg.return_mask = categories != 0 ? categories : kPageIsPresent;
  const UniqueFd fd = open_path("/proc/self/pagemap", O_RDONLY);
  return ioctl(fd.get(), kPagemapScan, &arg) >= 0;
}

std::vector<PageRun> PagemapScanner::private_pages(const Vma& vma) {
  // Pages that an rmfork restore inserted are no anonymous pages; where no file is behind a
  // mapping every page counts, and where a driver may have inserted some.
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
  PmScanArg arg{};
  arg.category_inverted = kPageIsPfnZero | (with_file_pages ? 0 : kPageIsFile);
  arg.category_mask = arg.category_inverted;
  arg.category_anyof_mask = kPageIsPresent | kPageIsSwapped;
  arg.return_mask = kPageIsPresent | guard_category_;
  const auto note = [&](const PageRegion& r) {
    append_run((r.categories & kPageIsGuard) != 0 ? guards_ : runs, r.start,
               (r.end - r.start) / kPage);
  };
  int error = walk(fd_.get(), arg, vma, note);
  if (error == EINVAL && guard_category_ != 0) {
    guard_category_ = 0;
    arg.return_mask = kPageIsPresent;
    error = walk(fd_.get(), arg, vma, note);
  }
  if (error == ENOTTY || error == EINVAL) return false;
  errno = error;
  if (error != 0)
    fail_errno("cannot find the pages of task {}, {:x}-{:x} (PAGEMAP_SCAN)", pid_, vma.start,
               vma.end);
  return true;
}

void PagemapScanner::note_guards(const Vma& vma) {
  if (!can_scan_ || guard_category_ == 0) return;
  PmScanArg arg{};
  arg.category_mask = arg.return_mask = guard_category_;
  const int error = walk(fd_.get(), arg, vma, [&](const PageRegion& r) {
    append_run(guards_, r.start, (r.end - r.start) / kPage);
  });
  if (error == ENOTTY || error == EINVAL) guard_category_ = 0;
  errno = error;
  if (error != 0 && guard_category_ != 0)
    fail_errno("cannot find the guard pages of task {}, {:x}-{:x} (PAGEMAP_SCAN)", pid_, vma.start,
               vma.end);
}

void PagemapScanner::read_pagemap(const Vma& vma, bool with_file_pages,
                                  std::vector<PageRun>& runs) {
  // A reservation may be of a terabyte, and nobody has been there.
  if (vma.is_untouched()) return;
  for (uint64_t at = vma.start; at < vma.end;) {
    const size_t want = std::min<uint64_t>(kEntries, (vma.end - at) / kPage);
    if (entries_.size() < want) entries_.resize(want);
    const ssize_t n = pread(fd_.get(), entries_.data(), want * sizeof(uint64_t),
                            static_cast<off_t>(at / kPage * sizeof(uint64_t)));
    if (n < 0)
      fail_errno("cannot read the pagemap of task {}, {:x}-{:x}", pid_, vma.start, vma.end);
    // Of a task that has ended (fs/proc/task_mmu.c, pagemap_read()).
    if (n == 0) fail("task {} has ended meanwhile: its pagemap is empty", pid_);
    const size_t got = static_cast<size_t>(n) / sizeof(uint64_t);
    for (size_t i = skip_holes(entries_, 0, got); i < got; i = skip_holes(entries_, i + 1, got)) {
      const uint64_t e = entries_[i];
      if ((e & kFileOrShared) != 0 && !with_file_pages) continue;
      if ((e & kPresent) != 0 && zero_frame() != 0 && (e & kPfnMask) == zero_frame()) continue;
      append_run(runs, at + i * kPage, 1);
    }
    at += got * kPage;
  }
}

}  // namespace criu::mm
