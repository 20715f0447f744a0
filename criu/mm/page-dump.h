// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <functional>
#include <span>
#include <vector>

#include "criu/image/image-file.h"
#include "criu/mm/pagemap.h"

namespace criu::mm {

// Copies the runs, one behind the other, to `to`: pages of a task by address, or of shared memory
// by offset. Throws Error. Called by several threads at once.
using PageSource = std::function<void(std::span<const PageRun> runs, uint8_t* to)>;

// Gives out the numbers of pages images, which count over the whole dump.
class PagesIds {
 public:
  uint32_t next() { return next_++; }

 private:
  uint32_t next_ = 1;
};

// How many threads so many pages are worth; 0: not even one of their own.
unsigned count_threads(uint64_t pages);

// Writes a pagemap image and the pages image it names; pages are read and written by as many
// threads as they are worth, max_threads at most. runs: by address (or by offset, for shared
// memory). shmem: the object that the pages are of, if they are of one. Returns the bytes of page
// data.
uint64_t write_pages(const image::Directory& dir, image::Kind pagemap_kind, uint64_t id,
                     uint32_t pages_id, std::span<const PageRun> runs, const PageSource& source,
                     unsigned max_threads, ShmemEntry* shmem = nullptr);

}  // namespace criu::mm
