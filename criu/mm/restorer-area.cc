// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/restorer-area.h"

#include <sys/mman.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/mm/pages-image.h"

namespace criu::mm {

namespace {

constexpr size_t kLeaderStack = 64 * 1024, kThreadStack = 16 * 1024;

}  // namespace

std::vector<Vma> own_vmas() {
  return parse_smaps(read_file("/proc/self/maps"));
}

std::optional<uint64_t> find_hole(std::vector<Interval> taken, uint64_t size) {
  std::ranges::sort(taken, {}, &Interval::start);
  constexpr uint64_t kLowest = 0x100000;
  std::optional<uint64_t> found;
  uint64_t at = kLowest;
  const auto consider = [&](uint64_t start, uint64_t end) {
    if (end > start && end - start >= size + 2 * kPage) found = end - size - kPage;
  };
  for (const Interval& i : taken) {
    consider(at, std::min(i.start, kTaskSize));
    at = std::max(at, i.end);
  }
  consider(at, kTaskSize);
  return found;
}

void append_wanted(std::vector<Interval>& wanted, const MmEntry& mm) {
  for (size_t i = 0; i < mm.n_vmas; i++) {
    const VmaEntry& v = *mm.vmas[i];
    const uint64_t below =
        (v.flags & MAP_GROWSDOWN) != 0 ? std::min<uint64_t>(v.start, 1ULL << 30) : 0;
    wanted.push_back({v.start - below, v.end});
  }
}

RestorerArea::RestorerArea(const PlannedTask& task, size_t args_bytes, size_t stages_bytes)
    : earlier_(own_vmas()) {
  extern const uint8_t blob_start[] asm("restorer_blob"), blob_end[] asm("restorer_blob_end");
  const auto blob = static_cast<uint64_t>(blob_end - blob_start);
  std::vector<Interval> taken;
  uint64_t vdso_bytes = 0;
  for (const Vma& v : earlier_) {
    taken.push_back({v.start, v.end});
    if (v.is_vdso() || v.is_vvar()) vdso_bytes += v.size();
  }
  const uint64_t args = page_up(blob);
  args_end_ = args + page_up(args_bytes);
  stacks_ = args_end_;
  stages_ = stacks_ + kLeaderStack + (task.threads.size() - 1) * kThreadStack;
  vdso_ = stages_ + page_up(stages_bytes);
  size_ = vdso_ + vdso_bytes;
  append_wanted(taken, *task.mm);
  const auto hole = find_hole(std::move(taken), size_);
  if (!hole) fail("no free range of {} bytes for the restorer", size_);
  start_ = *hole;
  for (uint64_t* offset : {&args_end_, &stacks_, &stages_, &vdso_}) *offset += start_;
  next_ = start_ + args;
  void* p = mmap(reinterpret_cast<void*>(start_), size_, PROT_READ | PROT_WRITE | PROT_EXEC,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE | MAP_NORESERVE, -1, 0);
  if (p == MAP_FAILED && errno == EACCES)
    fail(
        "cannot map the restorer: criu itself is denied memory that is writable and executable "
        "(PR_SET_MDWE, or a security module)");
  if (p != reinterpret_cast<void*>(start_)) fail_errno("cannot map the restorer");
  std::memcpy(p, blob_start, blob);
}

void* RestorerArea::allocate(size_t bytes, size_t align) {
  next_ = (next_ + align - 1) & ~static_cast<uint64_t>(align - 1);
  if (next_ + bytes > args_end_) fail("the restorer's arguments are larger than was reckoned");
  void* p = reinterpret_cast<void*>(next_);
  next_ += bytes;
  return p;
}

uint64_t RestorerArea::stack_top(size_t thread) const {
  return stacks_ + kLeaderStack + thread * kThreadStack;
}

pie::SharedStages* RestorerArea::move_stages(pie::SharedStages* stages) {
  const size_t size = page_up(sizeof *stages);
  void* p =
      mremap(stages, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, reinterpret_cast<void*>(stages_));
  if (p == MAP_FAILED) fail_errno("cannot move the shared stages");
  return static_cast<pie::SharedStages*>(p);
}

std::vector<pie::VdsoPart> RestorerArea::vdso_parts(const std::vector<VdsoMove>& moves) const {
  std::vector<pie::VdsoPart> parts;
  uint64_t parked = vdso_;
  for (const Vma& v : earlier_) {
    if (!v.is_vdso() && !v.is_vvar()) continue;
    const auto move = std::ranges::find(moves, v.start, &VdsoMove::from);
    parts.push_back({v.start, parked, move == moves.end() ? 0 : move->to, v.size()});
    parked += v.size();
  }
  return parts;
}

}  // namespace criu::mm
