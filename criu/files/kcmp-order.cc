// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/kcmp-order.h"

#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <mutex>
#include <span>
#include <utility>

#include "criu/base/error.h"
#include "criu/base/parallel.h"

namespace criu::files {

namespace {

// Merge sort in several threads. The number decides between descriptors of one open file, so that
// the order is one of all descriptors. Whatever sorts has compared each two that become neighbours:
// nothing else tells their order. So what was found to be the same on the way tells all.
class Sort {
 public:
  Sort(pid_t pid, std::vector<int> fds) : pid_(pid), fds_(std::move(fds)), merged_(fds_.size()) {}

  std::vector<Duplicates> run() {
    constexpr size_t kPiece = 32;
    const size_t pieces = std::clamp<size_t>(fds_.size() / kPiece, 1, count_processors());
    size_t length = (fds_.size() + pieces - 1) / pieces;
    for_each_in_parallel(pieces, 1, [&](size_t i) { sort_piece(i * length, length); });
    for (; length < fds_.size(); length *= 2) merge_all(length);
    return collect();
  }

 private:
  using Same = std::vector<std::pair<int, int>>;

  // Notes in `same` what is.
  bool comes_before(int a, int b, Same& same) const {
    const int order = compare_open_files(pid_, a, pid_, b);
    if (order == 0 && a != b) same.emplace_back(std::min(a, b), std::max(a, b));
    return order != 0 ? order < 0 : a < b;
  }

  void keep(const Same& same) {
    const std::lock_guard lock(mutex_);
    same_.insert(same_.end(), same.begin(), same.end());
  }

  // By insertion: a comparison takes a thousand times as long as to move a number.
  void sort_piece(size_t from, size_t length) {
    Same same;
    const auto first = fds_.begin() + static_cast<ptrdiff_t>(std::min(from, fds_.size()));
    const auto end = fds_.begin() + static_cast<ptrdiff_t>(std::min(from + length, fds_.size()));
    for (auto next = first; next != end; ++next) {
      const auto place = std::upper_bound(first, next, *next,
                                          [&](int a, int b) { return comes_before(a, b, same); });
      std::rotate(place, next, next + 1);
    }
    keep(same);
  }

  // Each two neighbouring pieces to one. What each thread makes are equal parts of the result.
  void merge_all(size_t length) {
    const size_t parts = count_processors();
    const size_t pairs = (fds_.size() + 2 * length - 1) / (2 * length);
    for_each_in_parallel(pairs * parts, 1, [&](size_t i) {
      const size_t from = i / parts * 2 * length;
      const auto both = std::span(fds_).subspan(from);
      const auto low = both.first(std::min(length, both.size()));
      const auto high = both.subspan(low.size()).first(std::min(length, both.size() - low.size()));
      const size_t all = low.size() + high.size(), part = i % parts;
      merge(low, high, all * part / parts, all * (part + 1) / parts,
            std::span(merged_).subspan(from));
    });
    fds_.swap(merged_);
  }

  // Of what `low` and `high` make together, the part [from, to).
  void merge(std::span<const int> low, std::span<const int> high, size_t from, size_t to,
             std::span<int> out) {
    Same same;
    const size_t low_from = count_low(low, high, from, same);
    const size_t low_to = count_low(low, high, to, same);
    const auto low_part = low.subspan(low_from, low_to - low_from);
    const auto high_part = high.subspan(from - low_from, (to - low_to) - (from - low_from));
    std::ranges::merge(low_part, high_part, out.begin() + static_cast<ptrdiff_t>(from),
                       [&](int a, int b) { return comes_before(a, b, same); });
    keep(same);
  }

  // How many of the first n of the result are from `low`.
  size_t count_low(std::span<const int> low, std::span<const int> high, size_t n,
                   Same& same) const {
    size_t least = n > high.size() ? n - high.size() : 0, most = std::min(n, low.size());
    while (least < most) {
      const size_t middle = least + (most - least) / 2;
      if (comes_before(low[middle], high[n - middle - 1], same))
        least = middle + 1;
      else
        most = middle;
    }
    return least;
  }

  // Those that are the same have become neighbours.
  std::vector<Duplicates> collect() {
    std::ranges::sort(same_);
    std::vector<Duplicates> all;
    for (const int fd : fds_)
      if (!all.empty() && std::ranges::binary_search(same_, std::pair(all.back().back(), fd)))
        all.back().push_back(fd);
      else
        all.push_back({fd});
    return all;
  }

  pid_t pid_;
  std::vector<int> fds_, merged_;  // each part by one thread
  std::mutex mutex_;
  Same same_;  // by mutex_
};

}  // namespace

int compare_open_files(pid_t pid, int fd, pid_t other_pid, int other_fd) {
  const long rc = syscall(SYS_kcmp, pid, other_pid, KCMP_FILE, fd, other_fd);
  if (rc < 0)
    fail_errno("cannot compare descriptor {} of task {} with descriptor {} of task {} (kcmp)", fd,
               pid, other_fd, other_pid);
  if (rc > 2)
    fail("descriptor {} of task {} and descriptor {} of task {} differ, but have no order (kcmp)",
         fd, pid, other_fd, other_pid);
  return rc == 2 ? 1 : -static_cast<int>(rc);
}

std::vector<Duplicates> sort_open_files(pid_t pid, const std::vector<int>& fds) {
  if (fds.size() == 1) return {fds};
  return Sort(pid, fds).run();
}

}  // namespace criu::files
