// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>
#include <vector>

#include "criu/image/message.h"
#include "criu/pie/sched-attr.h"

namespace criu {

// What the schedulers of the processor and of input and output have been told of a thread.
struct Scheduling {
  pie::SchedAttr attr{};
  int nice = 0;                   // also where the class of attr has no use for it
  uint64_t slice = 0;             // nanoseconds; 0: the usual one
  bool has_clamp = false;         // utilization clamping, attr.util_min and util_max
  std::vector<uint8_t> affinity;  // bit n: processor n; empty: all that its cpuset has
  uint32_t io_priority = 0;       // ioprio_set(2); 0: none
};

// The processors that the cpuset of a task allows (cpuset(7)), as a set of bits like an affinity.
// They are read when they are first asked for, once for all threads.
class Cpuset {
 public:
  explicit Cpuset(pid_t pid) : pid_(pid) {}
  const std::vector<uint8_t>& cpus();

 private:
  pid_t pid_;
  const std::vector<uint8_t>* cpus_ = nullptr;
};

// cpuset: that of the task which the thread is of. Throws Error where the thread has what is not
// supported yet (SCHED_DEADLINE).
Scheduling read_scheduling(Cpuset& cpuset, pid_t tid);

// Into the entry of a thread: what is not as it always is.
void put_scheduling(image::Arena& arena, const Scheduling& from, ThreadCoreEntry* to);

// The nice value of a session's group of tasks (sched(7), autogroups); 0 where there is none.
int read_autogroup_nice(pid_t pid);

// "0-3,8" of /sys/devices/system/cpu/online and of cpusets, as a set of bits like an affinity.
std::vector<uint8_t> parse_cpu_list(std::string_view text);
// Whether a thread that may run on `allowed` has been kept from a processor of `usual` that is on.
bool is_restricted(const std::vector<uint8_t>& allowed, const std::vector<uint8_t>& usual,
                   const std::vector<uint8_t>& online);

}  // namespace criu
