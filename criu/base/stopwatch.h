// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <chrono>
#include <cstdint>

namespace criu {

// Microseconds since it was made or restarted.
class Stopwatch {
 public:
  void restart() { start_ = std::chrono::steady_clock::now(); }
  uint32_t microseconds() const {
    return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(
                                     std::chrono::steady_clock::now() - start_)
                                     .count());
  }

 private:
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace criu
