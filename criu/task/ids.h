// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <map>

#include "criu/image/image-file.h"
#include "criu/task/frozen-tree.h"

namespace criu {

// What images call the network namespace of the process that dumps.
inline constexpr uint32_t kOwnNetNamespace = 2;

// Which kernel objects tasks share, and in which namespaces they live.
class KernelObjectIds {
 public:
  // Gives every live task its ids. Throws Error where tasks share or live in what is not
  // supported yet: an address space of two tasks, threads with tables or directories of their
  // own, a namespace other than this process's (but for a time namespace of the whole tree).
  KernelObjectIds(std::vector<FrozenTask>& tasks, image::Arena& arena);

  const TaskKobjIdsEntry* of(pid_t pid) const { return ids_.at(pid); }
  // Those of this process, by which a restore tells what the tree has of its own.
  TaskKobjIdsEntry* own() const { return own_; }
  // The first task of those that share a descriptor table with this one; 0: it is that itself.
  pid_t table_owner(pid_t pid) const { return owner(table_owners_, pid); }
  // The same of root directory, working directory and umask.
  pid_t fs_owner(pid_t pid) const { return owner(fs_owners_, pid); }
  // Of the time namespace of the tree; 0 where it is this process's.
  uint32_t timens_id() const { return timens_id_; }

 private:
  using Owners = std::map<pid_t, pid_t>;  // by who shares something, and is not its owner

  static pid_t owner(const Owners& owners, pid_t pid);

  TaskKobjIdsEntry* own_ = nullptr;
  uint32_t timens_id_ = 0;
  std::map<pid_t, TaskKobjIdsEntry*> ids_;
  Owners table_owners_, fs_owners_;
};

// The restore's side: a task by its ids and those of who dumped it (inventory_entry.root_ids; may
// be null). Throws Error where it lived in a namespace that is not supported yet. Returns the id of
// its time namespace, 0 where that was the dumper's.
uint32_t check_restored_ids(pid_t pid, const TaskKobjIdsEntry& task,
                            const TaskKobjIdsEntry* dumper);

}  // namespace criu
