// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "criu/mm/pages-image.h"
#include "criu/pie/restorer-args.h"

namespace criu::mm {

// Memory that is to be filled from a file, in batches that can be read in any order, by several
// threads. Those who read: the restorer, or this process.
class PageReads {
 public:
  // Contents are at `offset` of the file. All in bytes, and whole pages.
  void add(uint64_t at, uint64_t bytes, uint64_t offset);
  // shift: how far from their addresses they are to be, modulo 2^64.
  void add(const std::vector<StoredPages>& pages, uint64_t shift);

  uint64_t pages() const { return pages_; }
  const std::vector<pie::IoVec>& parts() const { return parts_; }
  const std::vector<pie::PageRead>& batches() const { return batches_; }
  // How many entries so many pages make at most, in so many calls of add().
  static uint64_t most_entries(uint64_t pages, uint64_t calls);

  // Bytes of a buffer that each reader is worth, see pie::PageReading; 0: none. A page of it costs
  // what a page costs that is filled.
  static uint64_t buffer_bytes(uint64_t pages);

  // Into the memory of this process. name: for errors. Throws Error. To be called once.
  void read(int fd, unsigned max_threads, const std::string& name);

 private:
  void read_batch(int fd, const pie::PageRead& batch, uint8_t* buffer, uint64_t buffer_size,
                  const std::string& name);

  std::vector<pie::IoVec> parts_;
  std::vector<pie::PageRead> batches_;
  uint64_t room_ = 0;  // bytes, in the last batch
  uint64_t next_ = 0;  // where in the file it ends
  uint64_t pages_ = 0;
};

}  // namespace criu::mm
