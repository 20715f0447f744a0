// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <linux/futex.h>
#include <sys/types.h>

#include <functional>

#include "criu/pie/restorer-args.h"

namespace criu {

// The coordinator's and the tasks' common clock during a restore: stages, one after another, each
// begun when all have done the one before. In memory shared with every task. The thread that makes
// the object is the coordinator: when it ends, whatever the reason, so do the tasks that wait.
class Stages {
 public:
  Stages();
  ~Stages();
  Stages(const Stages&) = delete;
  Stages& operator=(const Stages&) = delete;

  pie::SharedStages* shared() { return shared_; }
  static size_t size();

  // Coordinator: begins a stage that `participants` tasks have to do.
  void begin(pie::Stage stage, size_t participants);
  // Coordinator: returns when all have done it. check is called every now and then, and throws
  // where there is no more hope; a task that failed makes this throw Error too, and what it says
  // about itself goes before what check has seen of its end.
  void wait_all(pie::Stage stage, const std::function<void()>& check);

  // Task: its part is done; returns when the next stage begins. Ends the task where the
  // restore has been given up.
  void done(pie::Stage stage);
  // Anyone: the restore has failed; everybody ends.
  void abort();

 private:
  void must_not_be_aborted() const;
  void own_coordinator();
  void disown_coordinator() const;

  pie::SharedStages* shared_;
  robust_list_head robust_{};
  void* libc_robust_ = nullptr;  // the C library's list, which ours stands in for
  size_t libc_robust_size_ = 0;
};

}  // namespace criu
