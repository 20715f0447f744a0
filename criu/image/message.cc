// SPDX-License-Identifier: GPL-2.0-only
#include "criu/image/message.h"

namespace criu::image {

Arena::Arena() {
  describe_allocator();
}

Arena::Arena(std::pmr::memory_resource& from, size_t first) : pool_(first, &from) {
  describe_allocator();
}

void Arena::describe_allocator() {
  allocator_.alloc = [](void* arena, size_t size) {
    return static_cast<Arena*>(arena)->allocate(size);
  };
  allocator_.free = [](void*, void*) {};
  allocator_.allocator_data = this;
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
