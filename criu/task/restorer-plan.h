// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "criu/mm/mm-restore.h"
#include "criu/task/task-restore.h"

namespace criu {

// All that the restorer blob of one task is told, laid out in the mapping it will live in. Made in
// the task, after its descriptors are in place.
class RestorerPlan {
 public:
  RestorerPlan(RestoreSession& session, size_t index);

  pie::RestorerArgs* args() const { return args_; }
  uint64_t entry() const { return area_->entry(); }
  uint64_t stack() const { return area_->stack_top(0); }
  // Moves the stages into the area: nothing of Stages may be used afterwards.
  void seal();

  // Writes the attributes that live in /proc/self and are not as they should be.
  void write_attributes() const;

 private:
  void plan_threads();
  void plan_thread(pie::ThreadRequest& t, size_t i);
  void plan_creds(pie::Creds& to, const CredsEntry& from);
  void plan_task();
  void plan_timers();
  void plan_limits();
  void plan_files();
  // Into the area; sets count.
  template <typename T>
  const T* copy(const std::vector<T>& from, uint64_t& count);
  void plan_autogroup();
  void plan_attribute(const char* name, int64_t wanted, int base);
  const pie::QueuedSignal* queue(const SignalQueueEntry* from, uint64_t& n);
  void note_old_rseq();

  RestoreSession& s_;
  const PlannedTask& task_;
  size_t index_;
  std::vector<pie::FileLock> locks_;  // of the process
  std::optional<mm::RestorerArea> area_;
  pie::RestorerArgs* args_ = nullptr;

  struct Attribute {
    std::string path;
    UniqueFd fd;
    std::string value;
  };
  std::vector<Attribute> attributes_;
};

}  // namespace criu
