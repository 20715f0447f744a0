// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/test/fuzz/kernel/shared.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstdio>
#include <iterator>
#include <new>

#include "rmfork/error.h"

namespace rmfork::fuzz {

Shared* Shared::create() {
  void* at =
      mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (at == MAP_FAILED) throw Error("mapping memory to share", errno);
  return new (at) Shared{};
}

void Shared::complain(const std::string& what) {
  std::uint32_t at = complaints.fetch_add(1);
  if (at < std::size(complaint))
    std::snprintf(complaint[at], sizeof(complaint[at]), "%s", what.c_str());
}

}  // namespace rmfork::fuzz
