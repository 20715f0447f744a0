// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <optional>
#include <vector>

#include "criu/mm/vdso.h"
#include "criu/mm/vma.h"
#include "criu/pie/restorer-args.h"
#include "criu/task/tree-plan.h"

namespace criu::mm {

// Addresses, end exclusive.
struct Interval {
  uint64_t start = 0, end = 0;
};

// The start of a range where nothing is taken, if there is one. From the top, so that it lies far
// from the heap.
std::optional<uint64_t> find_hole(std::vector<Interval> taken, uint64_t size);
// The mappings of this process.
std::vector<Vma> own_vmas();
// What an address space to come wants for itself, with the room that its stack may grow into.
void append_wanted(std::vector<Interval>& wanted, const MmEntry& mm);

// The mapping that outlives a task's old address space: the restorer blob, its arguments, stacks.
// Lies where neither the old nor the new address space has anything.
class RestorerArea {
 public:
  RestorerArea(const PlannedTask& task, size_t args_bytes, size_t stages_bytes);

  // Room for n objects, zeroed; throws Error where the area is full.
  template <typename T>
  T* make(size_t n = 1) {
    return static_cast<T*>(allocate(n * sizeof(T), alignof(T)));
  }
  // Whole pages, of zeros.
  uint8_t* make_pages(size_t bytes) { return static_cast<uint8_t*>(allocate(bytes, kPage)); }
  uint64_t start() const { return start_; }
  uint64_t size() const { return size_; }
  uint64_t entry() const { return start_; }
  uint64_t stack_top(size_t thread) const;
  // The mappings that this process had before there was the area.
  const std::vector<Vma>& earlier_vmas() const { return earlier_; }
  // Moves the stages' shared page into the area; the address it has from then on.
  pie::SharedStages* move_stages(pie::SharedStages* stages);
  // Of this process's vDSO and its data. What is not to be moved anywhere goes.
  std::vector<pie::VdsoPart> vdso_parts(const std::vector<VdsoMove>& moves) const;

 private:
  void* allocate(size_t bytes, size_t align);

  std::vector<Vma> earlier_;
  uint64_t start_ = 0, size_ = 0;
  uint64_t next_ = 0, args_end_ = 0, stacks_ = 0, stages_ = 0, vdso_ = 0;
};

}  // namespace criu::mm
