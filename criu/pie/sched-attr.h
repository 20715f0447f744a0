// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <stdint.h>

namespace criu::pie {

// struct sched_attr of include/uapi/linux/sched/types.h, with what Linux 5.3 added; its header and
// the libc's <sched.h> exclude each other.
struct SchedAttr {
  uint32_t size, policy;
  uint64_t flags;
  int32_t nice;
  uint32_t priority;
  uint64_t runtime, deadline, period;  // nanoseconds
  uint32_t util_min, util_max;
};

constexpr uint32_t kSchedDeadline = 6;
constexpr uint64_t kSchedFlagResetOnFork = 1, kSchedFlagUtilClamp = 0x20 | 0x40;
// The same among the policies of sched_getscheduler(2), as images have it.
constexpr uint32_t kSchedResetOnFork = 0x40000000;

}  // namespace criu::pie
