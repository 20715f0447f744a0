// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <memory>
#include <vector>

#include "compel/tracee.h"
#include "criu/base/proc.h"

namespace criu {

// One task of a tree that does not run: all its threads are seized.
struct FrozenTask {
  pid_t pid = 0;
  proc::Stat stat;                                       // read after the freeze
  std::vector<std::unique_ptr<compel::Tracee>> threads;  // the leader first; none for a zombie

  bool is_zombie() const { return threads.empty(); }
  bool is_stopped() const { return !is_zombie() && threads.front()->stop_signal() != 0; }
  compel::Tracee& leader() const { return *threads.front(); }
};

// A process tree at rest, parents before children.
//
//   FrozenTree tree(root_pid);        // nothing of it runs now
//   for (FrozenTask& task : tree.tasks()) ...
//                                     // the destructor lets it go on where it was
//
// Throws Error where a task cannot be traced; what was seized by then goes on.
class FrozenTree {
 public:
  explicit FrozenTree(pid_t root);

  std::vector<FrozenTask>& tasks() { return tasks_; }
  const FrozenTask& root() const { return tasks_.front(); }
  // A task that somebody has killed meanwhile, or null.
  const FrozenTask* killed() const;
  // Kills every task instead of letting it go on.
  void kill();
  // Lets every task go into a group stop instead of running on.
  void leave_stopped();

 private:
  bool has(pid_t pid) const;
  void add(pid_t pid);
  static void add_threads(FrozenTask& task);
  static bool is_dead(pid_t pid);
  static bool see_off(const FrozenTask& task);
  bool add_missing_children();

  std::vector<FrozenTask> tasks_;
};

}  // namespace criu
