// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/outside-members.h"

#include <unistd.h>

#include <optional>
#include <set>

#include "criu/base/error.h"
#include "criu/base/proc.h"

namespace criu {

namespace {

// By system calls: of a machine with many processes, /proc would take long to read.
std::optional<std::string> what_it_keeps(pid_t pid, const std::set<pid_t>& numbers) {
  if (const pid_t sid = getsid(pid); numbers.contains(sid)) return fmt::format("session {}", sid);
  if (const pid_t pgid = getpgid(pid); numbers.contains(pgid))
    return fmt::format("process group {}", pgid);
  return std::nullopt;
}

// A dead one is reaped soon.
void refuse(pid_t pid, const std::string& kept) {
  try {
    const auto stat = proc::read_stat(pid, pid);
    if (stat.state == 'Z' || stat.state == 'X') return;
    fail(
        "task {} ({}) is not part of the tree, but of its {}: it would keep that number in use, "
        "and no restore could have it: end the task first, or use --leave-running",
        pid, stat.comm, kept);
  } catch (const NotThere&) {
  }
}

}  // namespace

void refuse_outside_members(const TreePlan& plan) {
  std::set<pid_t> numbers;
  for (const PlannedTask& task : plan.tasks()) numbers.insert(task.pid);
  for (const pid_t pid : proc::list_processes()) {
    if (pid == getpid() || numbers.contains(pid)) continue;
    if (const auto kept = what_it_keeps(pid, numbers)) refuse(pid, *kept);
  }
}

}  // namespace criu
