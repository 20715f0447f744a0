// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <vector>

#include "criu/base/fd.h"

namespace criu {

// A process that kills tasks unless it is told not to: should this process be killed while it lets
// them go one after the other, none of them stays.
//
//   Keeper keeper(pids);
//   ...                    // killed here: all of them are killed
//   keeper.dismiss();      // from here on: none is
class Keeper {
 public:
  // Nothing is to be kept of a single task: it is let go by one system call.
  explicit Keeper(std::vector<pid_t> pids);
  // Without dismiss(): the tasks are killed.
  ~Keeper();
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  void dismiss();

 private:
  pid_t pid_ = 0;
  UniqueFd pipe_;
};

}  // namespace criu
