// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "criu/image/image-file.h"
#include "criu/pie/restorer-args.h"
#include "criu/task/frozen-tree.h"
#include "criu/task/scheduling.h"
#include "criu/task/seccomp-filters.h"
#include "criu/task/task-answer.h"

namespace criu {

// The cores of a task's threads, in three steps: what the tracer sees, what whoever asks can see
// (both refuse what is not supported), then what the task said, into core-<tid>.img.
class CoreDump {
 public:
  explicit CoreDump(FrozenTask& task);
  ~CoreDump();
  CoreDump(const CoreDump&) = delete;
  CoreDump& operator=(const CoreDump&) = delete;

  // By the tracer.
  void read_stopped();
  // By any thread; of several tasks at the same time.
  void look();
  // By the tracer. Seccomp holds no more while the threads are traced, so that the parasite can
  // work; its filters are read. Throws Error where they are not supported.
  void suspend_seccomp();
  // Those filters. They must last as long as `all`.
  void add_to(SeccompFilters& all);

  const std::vector<proc::Timer>& timers() const { return timers_; }
  // The threads as they have stopped, the leader first.
  const std::vector<compel::StoppedThread>& stopped() const { return stopped_; }
  uint64_t locked_kib() const;
  // Signals that wait, as of proc::Status: of each thread, and of the task.
  std::vector<uint64_t> pending() const;
  uint64_t shared_pending() const;
  uint32_t umask() const;
  // Throws Error where the task said something that is not supported.
  void check(const TaskAnswer& answer) const;
  // The core of thread i. Those of several threads may be written at the same time.
  void write(const image::Directory& dir, size_t i, const TaskAnswer& answer) const;

 private:
  struct Thread;
  void read_thread(Thread& t, Cpuset& cpuset) const;
  void check_timers() const;
  bool is_there(pid_t id) const;
  void check_loginuid() const;
  CoreEntry* thread_core(image::Arena& arena, size_t i, const TaskAnswer& answer) const;
  TaskCoreEntry* task_core(image::Arena& arena, const TaskAnswer& answer) const;
  TaskTimersEntry* timers_entry(image::Arena& arena, const TaskAnswer& answer) const;

  FrozenTask& task_;
  std::vector<Thread> threads_;
  std::vector<compel::StoppedThread> stopped_;  // in the order of threads_
  std::vector<proc::Timer> timers_;
  int oom_score_adj_ = 0, autogroup_nice_ = 0;
};

// The core of a zombie: how it ended. check: throws Error for one that cannot be made again.
void check_zombie(const FrozenTask& task);
void write_zombie_core(const image::Directory& dir, const FrozenTask& task);

}  // namespace criu
