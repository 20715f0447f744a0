// SPDX-License-Identifier: GPL-2.0-only
#include "criu/image/message.h"

#include <algorithm>

namespace criu::image {

Arena::Arena() {
  describe_allocator();
}

Arena::Arena(std::pmr::memory_resource& from, size_t first) : pool_(first, &from) {
  describe_allocator();
}

void Arena::describe_allocator() {
  allocator_.alloc = [](void* arena, size_t size) {
    return static_cast<Arena*>(arena)->lend(size);
  };
  allocator_.free = [](void* arena, void* at) { static_cast<Arena*>(arena)->take_back(at); };
  allocator_.allocator_data = this;
}

void* Arena::lend(size_t size) {
  constexpr size_t kLarge = 1024;
  if (size < kLarge) return allocate(size);
  const auto spare = std::ranges::find(spare_, size, &Block::size);
  lent_.push_back(spare != spare_.end() ? *spare : Block{allocate(size), size});
  if (spare != spare_.end()) spare_.erase(spare);
  return lent_.back().at;
}

void Arena::take_back(void* at) {
  const auto block = std::ranges::find(lent_, at, &Block::at);
  if (block == lent_.end()) return;
  spare_.push_back(*block);
  lent_.erase(block);
}

char* Arena::text(std::string_view s) {
  char* p = static_cast<char*>(allocate(s.size() + 1));
  std::memcpy(p, s.data(), s.size());
  p[s.size()] = 0;
  return p;
}

ProtobufCBinaryData Arena::bytes(const void* data, size_t size) {
  ProtobufCBinaryData b{size, nullptr};
  if (size != 0) {
    b.data = static_cast<uint8_t*>(allocate(size));
    std::memcpy(b.data, data, size);
  }
  return b;
}

}  // namespace criu::image
