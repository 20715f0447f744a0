// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/spare-pids.h"

#include <errno.h>
#include <signal.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/proc.h"
#include "criu/task/tree-plan.h"

namespace criu {

namespace {

// As a task, a thread or a process group.
bool is_there(pid_t pid) {
  return kill(pid, 0) == 0 || errno != ESRCH || kill(-pid, 0) == 0 || errno != ESRCH ||
         access(proc::path(pid, "stat").c_str(), F_OK) == 0;
}

}  // namespace

// From the highest one down: it takes longest until they are given away.
SparePids::SparePids(const std::vector<PlannedTask>& tasks)
    : next_(static_cast<pid_t>(proc::to_u64(read_file("/proc/sys/kernel/pid_max")))) {
  for (const PlannedTask& t : tasks) {
    planned_.insert({t.pid, t.pgid, t.sid});
    planned_.insert(t.threads.begin(), t.threads.end());
  }
}

pid_t SparePids::take() {
  while (--next_ > 1)
    if (!planned_.contains(next_) && !is_there(next_)) return next_;
  fail("no pid is left for a helper");
}

}  // namespace criu
