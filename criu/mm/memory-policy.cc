// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/memory-policy.h"

#include <algorithm>

#include "criu/base/fd.h"
#include "criu/base/proc.h"

namespace criu::mm {

// The list of nodes that are possible ends with the last one: "0-3" or "0,2".
size_t node_set_words() {
  static const size_t words = [] {
    const auto possible = read_record_if_there("/sys/devices/system/node/possible");
    if (!possible) return pie::kMaxNodeWords;
    const uint64_t last = proc::to_u64(possible->substr(possible->find_last_of("-,") + 1));
    return std::min(last / 64 + 1, pie::kMaxNodeWords);
  }();
  return words;
}

}  // namespace criu::mm
