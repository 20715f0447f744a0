// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <memory>
#include <vector>

#include "criu/base/service-fds.h"
#include "criu/config.h"
#include "criu/files/file-restore.h"
#include "criu/image/image-file.h"
#include "criu/mm/mm-restore.h"
#include "criu/task/stages.h"
#include "criu/task/tree-plan.h"

namespace criu {

// What a dying or living task leaves in shared memory for the coordinator: that it exists (so that
// its pid is known to be ours), and where its restorer lies.
struct TaskSlot {
  uint32_t created = 0;
  uint32_t pad = 0;
  uint64_t area = 0, area_size = 0;
  uint64_t syscall_ip_at = 0;         // address, in the task, of RestorerArgs::syscall_ip
  mm::InheritedMemory::Counts pages;  // private ones
};

// What all tasks of a restore have in common; made by the coordinator, inherited by the tasks.
struct RestoreSession {
  const Options& options;
  const image::Directory& dir;
  const ServiceFds& fds;
  TreePlan& plan;
  files::FileRestore& files;
  mm::SharedMemoryRestore& shared_memory;
  mm::SegmentRestore& segments;
  const std::vector<std::unique_ptr<mm::PagesImage>>& pages;  // beside the tasks; null: has none
  mm::InheritedMemory& inherited;
  Stages& stages;
  TaskSlot* slots;                                // one per task of the plan, shared
  std::vector<rmfork_restore_call> rmfork_calls;  // one per task, or none at all
  int64_t clock_shift = 0;  // of the tasks' CLOCK_MONOTONIC against the coordinator's, nanoseconds
};

// Throws Error naming who has it where the pid is taken. Waits a moment for a dead task to be reaped,
// as right after a dump. Only asks: it may be taken later.
void check_pid_is_free(pid_t pid);

// Makes task `index` as a child of the calling process (or a sibling, for the root) with the pid
// it is to have. Returns in the caller only. Throws Error.
void create_task(RestoreSession& session, size_t index, bool as_sibling);

}  // namespace criu
