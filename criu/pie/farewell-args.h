// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <stdint.h>

// What each thread of a task that is about to be killed is told: what of it would show at its end.
// Plain data in the mapping that the task and the dumper share, one for each thread.
namespace criu::pie {

struct Farewell {
  // As get_robust_list(2) and prctl(2) PR_GET_TID_ADDRESS gave them.
  uint64_t robust_list, robust_list_len;
  uint64_t clear_tid_address;
};

}  // namespace criu::pie
