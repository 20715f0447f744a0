// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <optional>
#include <string>

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

  // /proc/self/oom_score_adj, and what to write there; empty: it is right already.
  int oom_fd() const { return oom_fd_.get(); }
  const std::string& oom_score_adj() const { return oom_score_adj_; }

 private:
  void plan_threads();
  void plan_thread(pie::ThreadRequest& t, size_t i);
  void plan_creds(pie::Creds& to, const CredsEntry& from);
  void plan_task();
  void plan_timers();
  void plan_limits();
  void plan_oom();
  const pie::QueuedSignal* queue(const SignalQueueEntry* from, uint64_t& n);
  void note_old_rseq();

  RestoreSession& s_;
  const PlannedTask& task_;
  size_t index_;
  std::optional<mm::RestorerArea> area_;
  pie::RestorerArgs* args_ = nullptr;
  UniqueFd oom_fd_;
  std::string oom_score_adj_;
};

}  // namespace criu
