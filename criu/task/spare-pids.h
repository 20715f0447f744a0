// SPDX-License-Identifier: GPL-2.0-only
// Pids for helpers that nothing in the images has a pid for.
//
//   SparePids spare(tasks);
//   helper.pid = spare.take();
#pragma once

#include <sys/types.h>

#include <set>
#include <vector>

namespace criu {

struct PlannedTask;

class SparePids {
 public:
  // tasks: whose pids, groups, sessions and threads are not given away.
  explicit SparePids(const std::vector<PlannedTask>& tasks);

  // One that nobody has here, another one each time. Throws Error when none is left.
  pid_t take();

 private:
  pid_t max_, next_;
  std::set<pid_t> planned_;
};

}  // namespace criu
