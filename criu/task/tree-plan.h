// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <signal.h>
#include <sys/types.h>

#include <optional>
#include <set>
#include <vector>

#include "criu/config.h"
#include "criu/files/file-dump.h"
#include "criu/image/image-file.h"
#include "criu/task/seccomp-filters.h"

namespace criu {

// One task to be restored, with all that the images say of it.
struct PlannedTask {
  enum class Role {
    kAlive,
    kStopped,
    kZombie,
    kHelper,  // is not in the images: leads a group or session, or makes orphans, then ends
  };

  Role role = Role::kAlive;
  pid_t pid = 0, ppid = 0, pgid = 0, sid = 0;
  int exit_signal = SIGCHLD;            // what its parent gets at its end; 0: none
  pid_t maker = 0;                      // another task that makes it; 0: its parent does
  bool as_sibling = false;              // made by its maker as a child of the maker's parent
  std::vector<pid_t> threads;           // the leader first
  std::vector<const CoreEntry*> cores;  // beside threads
  std::vector<SeccompChain> filters;    // beside threads; empty: none
  const MmEntry* mm = nullptr;
  const FsEntry* fs = nullptr;
  const TaskKobjIdsEntry* ids = nullptr;
  // What mm has of guard pages, which is no longer among its mappings.
  std::vector<const VmaEntry*> guards;
  // Another task, whose descriptor table this one shares (clone(2) CLONE_FILES); 0: none.
  pid_t table_owner = 0;
  // The same of root directory, working directory and umask (CLONE_FS).
  pid_t fs_owner = 0;
  std::vector<files::TableEntry> table;
  std::vector<size_t> children;  // those it makes; indexes into the plan
  bool before_setsid = false;    // to be made before its parent starts its session
  bool leads_group = false;      // others are in the group of its number; it may have left that
  // Who has left a group of its own joins another when the members of both have joined, in rounds
  // that are counted from 1. 0: it has not.
  unsigned group_round = 0;
  // Orphans are left to their parents in rounds, counted from 1. A helper that has made some ends
  // in one of them; a task that gets them is a subreaper (prctl(2) PR_SET_CHILD_SUBREAPER) from its
  // round on, until all are over. 0: neither.
  unsigned adoption_round = 0;

  bool has_left_own_group() const { return leads_group && pgid != pid; }
  bool lives() const { return role == Role::kAlive || role == Role::kStopped; }
  const TaskCoreEntry& core() const { return *cores.front()->tc; }
};

// The tree to be restored, the root first: read, checked, and ordered so that sessions and process
// groups come out right. Throws Error for images that are damaged or ask for what is not
// supported.
class TreePlan {
 public:
  TreePlan(const Options& options, const image::Directory& dir, image::Arena& arena);
  // The same of a tree that is going to be dumped, to know that it can be restored. Of each task
  // role, pids, threads, exit signal and owners are given.
  TreePlan(const Options& options, std::vector<PlannedTask> tasks);

  std::vector<PlannedTask>& tasks() { return tasks_; }
  const std::vector<PlannedTask>& tasks() const { return tasks_; }
  const PlannedTask& root() const { return tasks_.front(); }
  size_t count_living() const;
  unsigned group_rounds() const { return count_rounds(&PlannedTask::group_round); }
  unsigned adoption_rounds() const { return count_rounds(&PlannedTask::adoption_round); }
  // All but the helpers that have ended with that round, or, with 0, before any.
  size_t count_after(unsigned adoption_round) const;
  bool shares_tables() const { return shares(&PlannedTask::table_owner); }
  bool shares_fs() const { return shares(&PlannedTask::fs_owner); }
  std::set<int> used_fds() const;
  // Whether the task is made by one that ends while the tree is made.
  bool is_made_by_helper(const PlannedTask& task) const;
  // The session and group of the shell that the tree was started from and is restored into;
  // not part of the tree. 0: there are none.
  pid_t outer_sid() const { return outer_sid_; }
  pid_t outer_pgid() const { return outer_pgid_; }

 private:
  using Owner = pid_t PlannedTask::*;

  void read_tree(const image::Directory& dir, image::Arena& arena);
  void read_seccomp(PlannedTask& t, const image::Directory& dir, image::Arena& arena);
  static void take_guards(PlannedTask& task, MmEntry& mm);
  void read_task(PlannedTask& task, const image::Directory& dir, image::Arena& arena);
  static void read_table(PlannedTask& task, const image::Directory& dir, image::Arena& arena);
  pid_t first_with(uint32_t TaskKobjIdsEntry::*id, const PlannedTask& task) const;
  void check_shared_umask(const PlannedTask& task);
  void arrange(const Options& options);
  void check_parents();
  void link_children();
  void check_sharers(Owner owner, const char* what);
  bool shares(Owner owner) const;
  void find_outer(const Options& options);
  unsigned count_rounds(unsigned PlannedTask::*round) const;
  void add_group_helpers();
  void plan_groups();
  bool set_group_round(PlannedTask& task, size_t depth);
  void hold_group(size_t leader);
  PlannedTask& find(pid_t pid);
  bool has(pid_t pid) const;

  std::vector<PlannedTask> tasks_;
  std::optional<SeccompImage> seccomp_;  // where a thread needs it
  pid_t outer_sid_ = 0, outer_pgid_ = 0;
};

}  // namespace criu
