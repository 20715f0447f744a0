// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <map>

#include "criu/image/image-file.h"
#include "criu/task/frozen-tree.h"

namespace criu {

// Which kernel objects tasks share, and in which namespaces they live.
class KernelObjectIds {
 public:
  // Gives every live task its ids. Throws Error where tasks share or live in what is not
  // supported yet: an address space or descriptor table of two tasks, threads with tables of
  // their own, a namespace other than this process's.
  KernelObjectIds(std::vector<FrozenTask>& tasks, image::Arena& arena);

  const TaskKobjIdsEntry* of(pid_t pid) const { return ids_.at(pid); }

 private:
  std::map<pid_t, TaskKobjIdsEntry*> ids_;
};

}  // namespace criu
