// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <functional>

#include "criu/base/fd.h"
#include "criu/base/service-fds.h"

namespace criu::files {

// An open file that several tasks have, and that only a task can open, when all of them exist: the
// first one that asks opens it, the others get that.
//
// Made before the tasks, which inherit it: one message goes round in a socket, first without and
// then with the descriptor. Who has taken it is the only one who is at it; where that one fails,
// the restore is given up, which ends those who wait.
class Handover {
 public:
  explicit Handover(const ServiceFds& fds);
  UniqueFd get(const std::function<UniqueFd()>& open) const;
  // For the restorer, which does the same: where it takes the message, and where it passes it on.
  int in() const { return in_.get(); }
  int out() const { return out_.get(); }

 private:
  UniqueFd in_, out_;
};

}  // namespace criu::files
