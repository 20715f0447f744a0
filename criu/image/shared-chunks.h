// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstddef>
#include <memory_resource>
#include <span>
#include <vector>

namespace criu::image {

// Memory for an Arena whose messages are read by processes to come. It is shared with them: fork(2)
// would copy a page table entry for each page of private memory into every one of them, and their
// end would take them away again; of shared memory they map what they read.
//
//   SharedChunks chunks;
//   Arena arena(chunks);
//   ...                  // all messages are read or made
//   chunks.seal();       // before the first fork: nothing can be changed any more, nor be added
class SharedChunks : public std::pmr::memory_resource {
 public:
  SharedChunks() = default;
  ~SharedChunks() override;
  SharedChunks(const SharedChunks&) = delete;
  SharedChunks& operator=(const SharedChunks&) = delete;

  void seal();

 private:
  void* do_allocate(size_t bytes, size_t alignment) override;
  void do_deallocate(void* p, size_t bytes, size_t alignment) override;
  bool do_is_equal(const memory_resource& other) const noexcept override { return this == &other; }

  std::vector<std::span<std::byte>> chunks_;
  bool sealed_ = false;
};

}  // namespace criu::image
