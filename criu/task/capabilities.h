// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace criu {

// A set of capabilities as the images have it: words of 32 bits, the lowest first.
inline uint64_t capability_set(size_t n, const uint32_t* words) {
  uint64_t set = 0;
  for (size_t i = 0; i < std::min<size_t>(n, 2); i++)
    set |= static_cast<uint64_t>(words[i]) << (32 * i);
  return set;
}

}  // namespace criu
