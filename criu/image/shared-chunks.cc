// SPDX-License-Identifier: GPL-2.0-only
#include "criu/image/shared-chunks.h"

#include <sys/mman.h>

#include "criu/base/error.h"

namespace criu::image {

SharedChunks::~SharedChunks() {
  for (const auto chunk : chunks_) munmap(chunk.data(), chunk.size());
}

// A page is made where it is first written to.
void* SharedChunks::do_allocate(size_t bytes, size_t) {
  if (sealed_) fail("images that are shared already are to be added to");
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) fail_errno("cannot get {} bytes for images", bytes);
  chunks_.emplace_back(static_cast<std::byte*>(p), bytes);
  return p;
}

// All at once, by the destructor.
void SharedChunks::do_deallocate(void*, size_t, size_t) {}

void SharedChunks::seal() {
  sealed_ = true;
  for (const auto chunk : chunks_)
    if (mprotect(chunk.data(), chunk.size(), PROT_READ) < 0) fail_errno("cannot seal the images");
}

}  // namespace criu::image
