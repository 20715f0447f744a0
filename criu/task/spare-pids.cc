// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/spare-pids.h"

#include <errno.h>
#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/proc.h"
#include "criu/task/tree-plan.h"

namespace criu {

namespace {

constexpr pid_t kReserved = 300;  // kernel/pid.c, RESERVED_PIDS: those of early services

// As a task, a thread or a process group.
bool is_there(pid_t pid) {
  return kill(pid, 0) == 0 || errno != ESRCH || kill(-pid, 0) == 0 || errno != ESRCH ||
         access(proc::path(pid, "stat").c_str(), F_OK) == 0;
}

}  // namespace

// From anywhere down, so that restores at the same time do not choose the same.
SparePids::SparePids(const std::vector<PlannedTask>& tasks) {
  max_ = static_cast<pid_t>(proc::to_u64(read_file("/proc/sys/kernel/pid_max")));
  unsigned any = 0;
  if (getrandom(&any, sizeof any, 0) < 0) fail_errno("cannot get a random number");
  next_ = kReserved + static_cast<pid_t>(any % static_cast<unsigned>(max_ - kReserved));
  for (const PlannedTask& t : tasks) {
    planned_.insert({t.pid, t.pgid, t.sid});
    planned_.insert(t.threads.begin(), t.threads.end());
  }
}

pid_t SparePids::take() {
  for (pid_t tried = kReserved; tried < max_; tried++) {
    if (--next_ < kReserved) next_ = max_ - 1;
    if (!planned_.contains(next_) && !is_there(next_)) return next_;
  }
  fail("no pid is left for a helper");
}

}  // namespace criu
