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
    kHelper,  // is not in the images: leads a group or session whose leader had gone, then ends
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
  // Children of helpers come to this task when the helper has ended (prctl(2)
  // PR_SET_CHILD_SUBREAPER).
  bool adopts = false;

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
  bool shares_tables() const { return shares(&PlannedTask::table_owner); }
  bool shares_fs() const { return shares(&PlannedTask::fs_owner); }
  std::set<int> used_fds() const;
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
  void link_children();
  void check_sharers(Owner owner, const char* what);
  bool shares(Owner owner) const;
  void find_outer(const Options& options);
  void plan_sessions();
  void add_session_helpers();
  void add_group_helpers();
  void give_orphans_makers();
  bool can_be_born_into(const PlannedTask& parent, pid_t sid);
  PlannedTask& find(pid_t pid);
  pid_t birth_session(const PlannedTask& task) const;
  bool has(pid_t pid) const;

  std::vector<PlannedTask> tasks_;
  std::optional<SeccompImage> seccomp_;  // where a thread needs it
  pid_t outer_sid_ = 0, outer_pgid_ = 0;
};

}  // namespace criu
