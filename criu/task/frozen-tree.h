// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <chrono>
#include <list>
#include <memory>
#include <optional>
#include <span>
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
// Throws Error where a task cannot be traced, or the tree is not at rest in time; what was seized
// by then goes on.
class FrozenTree {
 public:
  FrozenTree(pid_t root, std::chrono::seconds timeout);

  std::vector<FrozenTask>& tasks() { return tasks_; }
  const FrozenTask& root() const { return tasks_.front(); }
  // A task that somebody has killed meanwhile, or null.
  const FrozenTask* killed() const;
  // Kills every task instead of letting it go on.
  void kill();
  // Lets every task go into a group stop instead of running on.
  void leave_stopped();

 private:
  // What a look for tasks or threads that are not stopped yet has met.
  enum class Found { kNothing, kNew, kDeadOnes };

  void freeze(pid_t root);
  void check_time() const;
  template <typename F>
  bool look_until_nothing_is_new(F&& look) const;
  bool has(pid_t pid) const;
  void add(pid_t pid, std::optional<compel::Tracee> seized = std::nullopt);
  void add_threads(FrozenTask& task);
  bool seize_threads(FrozenTask& task, std::span<const pid_t> tids) const;
  bool is_dead(pid_t pid);
  static bool see_off(const FrozenTask& task);
  std::list<compel::Tracee> seize_leaders(std::span<const pid_t> pids) const;
  Found add_missing_children();
  std::vector<std::vector<FrozenTask*>> generations();

  std::chrono::seconds timeout_;
  compel::Tracee::Deadline by_;
  std::vector<FrozenTask> tasks_;
};

}  // namespace criu
