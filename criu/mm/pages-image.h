// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <vector>

#include "criu/image/image-file.h"
#include "criu/mm/pagemap.h"

namespace criu::mm {

constexpr uint64_t kTaskSize = 0x7ffffffff000;  // TASK_SIZE of x86-64 with 4-level page tables

// Pages at consecutive addresses, and where they lie in the pages image, in bytes.
struct StoredPages {
  uint64_t start = 0, end = 0;
  uint64_t offset = 0;

  uint64_t bytes() const { return end - start; }
};

// The pages that a pagemap image names, by address, checked against the size of the pages image.
class PagesImage {
 public:
  // Throws Error for images that are damaged or want others.
  PagesImage(const image::Directory& dir, image::Kind pagemap_kind, uint64_t id);

  const std::vector<PageRun>& runs() const { return runs_; }
  // Of shared memory: what it is; null where the image does not tell.
  const ShmemEntry* object() const { return has_object_ ? &object_ : nullptr; }
  // Those in [start, end).
  std::vector<StoredPages> in(uint64_t start, uint64_t end) const;
  // The file that holds them.
  UniqueFd open(const image::Directory& dir) const;

 private:
  bool has_object_ = false;
  ShmemEntry object_ = SHMEM_ENTRY__INIT;
  uint32_t pages_id_ = 0;
  std::vector<PageRun> runs_;
  std::vector<uint64_t> offsets_;  // of each run, in the pages image
};

}  // namespace criu::mm
