// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <span>
#include <string>
#include <vector>

#include "criu/base/fd.h"

namespace criu {

class ServiceFds;
struct PlannedTask;

// A process that undoes what it was told of, unless it is told not to: should this process be
// killed half way, nothing of that stays.
//
//   Keeper keeper(fds, tasks);
//   keeper.begin(false);
//   keeper.note_segment(id), keeper.note_task(tid);
//   ...                    // killed here, or thrown out of: all of it is undone
//   keeper.dismiss();      // from here on: none of it is
//
// It ends when undo() shuts the socket to it, or every process that holds that has closed it.
class Keeper {
 public:
  // Both outlive the keeper.
  Keeper(const ServiceFds& fds, const std::vector<PlannedTask>& tasks) : fds_(fds), tasks_(tasks) {}
  // undo(), unless it was dismissed.
  ~Keeper() { undo(); }
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  // Makes the process, unless it is there, and waits until it has closed what this one has open: as
  // long as it had not, locks would be held, and a file would be closed when somebody watches it.
  // No other thread may run meanwhile: it allocates memory.
  // tasks_exist: any pid will do, as none of theirs is free; else it is one that none of them is to
  // have. Throws Error.
  void begin(bool tasks_exist);
  bool is_there() const { return pid_ != 0; }

  // After begin(). A task or thread, to be killed.
  void note_task(pid_t tid) const;
  // A segment of System V shared memory, to be removed. Also for a helper that shares the table of
  // descriptors: calls the kernel and nothing else. Returns whether it succeeded.
  bool note_segment(int id) const;
  // A directory, to be removed with all that is in it. path: absolute, less than PATH_MAX bytes.
  void note_directory(const std::string& path) const;
  // TCP connections, to be put under repair (TCP_REPAIR of tcp(7)) before whoever has them is
  // killed. The keeper has them open, too, from here on.
  void note_connections(std::span<const int> fds) const;

  void dismiss() const;
  // Has all of it undone at once, and waits for that. It is called before a task that was noted is
  // reaped: its pid may be another process's then.
  void undo();

 private:
  void await_ready() const;

  const ServiceFds& fds_;
  const std::vector<PlannedTask>& tasks_;
  pid_t pid_ = 0;
  UniqueFd socket_;  // to it
};

}  // namespace criu
