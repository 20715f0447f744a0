// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <functional>
#include <optional>
#include <vector>

#include "criu/image/image-file.h"
#include "criu/mm/pages-image.h"
#include "criu/mm/restorer-area.h"

namespace criu::mm {

// What a private mapping is of. Two of the same kind at the same addresses may have pages in common
// since fork(2).
struct Backing {
  uint64_t file = 0;    // 1 + the id of a file; 0: anonymous memory
  uint64_t origin = 0;  // of a file: its offset less the address, modulo 2^64
  uint32_t flags = 0;   // mmap(2) MAP_GROWSDOWN, MAP_NORESERVE
  uint64_t advice = 0;  // of huge pages: bit n for advice n of madvise(2)

  bool operator==(const Backing&) const = default;
};
// Nothing of a mapping that is shared, or the kernel's.
std::optional<Backing> backing_of(const VmaEntry& v);

// Memory that tasks of the tree have in common since fork(2), at a restore from pages images. The
// images have it once per task. Who makes other tasks fills what may be in common before it makes
// them; they inherit it, compare it with their own images, and fill only what is different. So the
// kernel goes on sharing what it shared, and copies at the first write.
//
//   InheritedMemory memory(tasks, dir);                  // in the coordinator
//   memory.settle(index, dir, open_file);                // in each task, before it makes others
//   if (const auto at = memory.place(vma)) ...           // vma's pages are at *at
class InheritedMemory {
 public:
  // heirs: those whose memory the task's is to become, by being made by it.
  struct Task {
    const MmEntry* mm = nullptr;  // null: it has none
    const PagesImage* pages = nullptr;
    std::vector<size_t> heirs;
  };
  // Opens the file of an id, for reading.
  using OpenFile = std::function<UniqueFd(uint32_t)>;
  struct Region {
    uint64_t start = 0, end = 0;
    uint64_t own_start = 0, own_end = 0;  // the part that the task itself wants
    Backing backing;
  };
  struct Counts {
    uint64_t compared = 0, skipped = 0, read = 0;  // pages; skipped: were the same
  };

  InheritedMemory() = default;
  // tasks[0] is the root. dir: of the images, to look whether pages are alike at all.
  InheritedMemory(std::vector<Task> tasks, const image::Directory& dir);

  // In task `index`, with what its maker has settled: maps and fills what it is to have in common
  // with others. What cannot be mapped now is left to be mapped and filled later. Throws Error
  // where images or files cannot be read.
  Counts settle(size_t index, const image::Directory& dir, const OpenFile& open_file);

  // Where the memory of one of the task's mappings is ready, of VmaEntry::start; no value: nowhere.
  std::optional<uint64_t> place(const VmaEntry& v) const;

  // What task `index` fills for those it makes; by address.
  const std::vector<Region>& for_heirs(size_t index) const { return for_heirs_[index]; }

 private:
  // A region, where it lies for now, and which of its pages are there.
  struct Ready {
    Region region;
    uint64_t place = 0;
    std::vector<Interval> filled;
  };

  void find_regions(size_t index, const image::Directory& dir);
  static std::vector<StoredPages> own_pages(const Task& task, const Region& r);
  const Ready* ready_for(uint64_t start, uint64_t end, const Backing& backing) const;
  std::optional<uint64_t> map(const Region& r, const OpenFile& open_file) const;

  std::vector<Task> tasks_;
  std::vector<std::vector<Region>> for_heirs_;
  std::vector<Ready> ready_;  // of the process that this is; by address
};

}  // namespace criu::mm
