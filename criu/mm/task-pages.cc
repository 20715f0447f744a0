// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/task-pages.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/uio.h>

#include <algorithm>
#include <memory>

#include "criu/base/error.h"
#include "criu/base/proc.h"

namespace criu::mm {

namespace {

class TaskPages {
 public:
  TaskPages(pid_t pid, std::vector<PageRun> shared)
      : pid_(pid), shared_(std::move(shared)), mem_(open_path(proc::path(pid, "mem"), O_RDONLY)) {}

  void read(std::span<const PageRun> runs, uint8_t* to) const {
    std::vector<PageRun> pinned;  // not read yet, they go to `to`
    const auto flush = [&] {
      read_pinned(pinned, to);
      for (const PageRun& run : pinned) to += run.bytes();
      pinned.clear();
    };
    for (PageRun left : runs) {
      while (left.pages != 0) {
        const auto [piece, is_shared] = first_piece(left);
        if (is_shared) {
          flush();
          read_one(piece, to);
          to += piece.bytes();
        } else {
          pinned.push_back(piece);
          if (pinned.size() == IOV_MAX) flush();
        }
        left = {piece.end(), left.pages - piece.pages};
      }
    }
    flush();
  }

 private:
  // The beginning of a run that lies in a shared range, or in none.
  std::pair<PageRun, bool> first_piece(const PageRun& run) const {
    const auto range = std::ranges::upper_bound(shared_, run.start, {}, &PageRun::end);
    if (range == shared_.end() || range->start >= run.end()) return {run, false};
    const bool inside = range->start <= run.start;
    const uint64_t end = inside ? std::min(run.end(), range->end()) : range->start;
    return {{run.start, (end - run.start) / kPage}, inside};
  }

  void read_pinned(std::span<const PageRun> runs, uint8_t* to) const {
    if (runs.empty()) return;
    std::vector<iovec> remote;
    size_t bytes = 0;
    for (const PageRun& run : runs) {
      remote.push_back({reinterpret_cast<void*>(run.start), run.bytes()});
      bytes += run.bytes();
    }
    const iovec local{to, bytes};
    const ssize_t got = process_vm_readv(pid_, &local, 1, remote.data(), remote.size(), 0);
    if (got == static_cast<ssize_t>(bytes)) return;
    // The protection of a mapping is in the way.
    for (const PageRun& run : runs) {
      read_one(run, to);
      to += run.bytes();
    }
  }

  void read_one(const PageRun& run, uint8_t* to) const {
    const ssize_t n = pread(mem_.get(), to, run.bytes(), static_cast<off_t>(run.start));
    if (n != static_cast<ssize_t>(run.bytes()))
      fail_errno("cannot read {} pages at {:#x} of task {}", run.pages, run.start, pid_);
  }

  pid_t pid_;
  std::vector<PageRun> shared_;
  UniqueFd mem_;
};

}  // namespace

PageSource task_pages(pid_t pid, std::vector<PageRun> shared) {
  auto pages = std::make_shared<const TaskPages>(pid, std::move(shared));
  return [pages](std::span<const PageRun> runs, uint8_t* to) { pages->read(runs, to); };
}

}  // namespace criu::mm
