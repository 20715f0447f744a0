// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/tty-buffer.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace criu::files {

namespace {

// A buffer is made for a write, in steps of 256 bytes and of 1792 at most, and holds twice that of
// ordinary characters. They are made as long as all together have not more than 8192. So the most
// goes in by small ones up to there, and then a large one.
constexpr size_t kSmall = 256, kLarge = 1792;
constexpr size_t kInSmallOnes = 2 * (8192 - kSmall);

}  // namespace

// A buffer that was the last when all was taken goes away when another is there: by a worker of the
// kernel's, which may be late. A small one that was in use before can be had whatever there is.
int write_behind(int writer, std::span<const uint8_t> data) {
  constexpr int kMostWaits = 2000;
  constexpr useconds_t kPauseUs = 1000;
  size_t written = 0;
  int waits = 0;
  bool has_large = true;
  while (written != data.size()) {
    const bool large = has_large && written >= kInSmallOnes;
    const size_t piece = std::min(large ? kLarge : kSmall, data.size() - written);
    const ssize_t n = write(writer, data.data() + written, piece);
    if (n >= 0) {
      written += static_cast<size_t>(n);
      continue;
    }
    if (errno != EAGAIN) return errno;
    has_large = !large;
    if (large) continue;
    if (waits++ == kMostWaits) return EAGAIN;
    usleep(kPauseUs);
  }
  return 0;
}

}  // namespace criu::files
