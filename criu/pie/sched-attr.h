// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <stdint.h>

namespace criu::pie {

// struct sched_attr of include/uapi/linux/sched/types.h, first version; its header and the libc's
// <sched.h> exclude each other.
struct SchedAttr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;
};

constexpr uint32_t kSchedDeadline = 6;

}  // namespace criu::pie
