// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <set>

#include "criu/base/fd.h"

namespace criu {

// During a restore descriptors are kept out of the way of those that will be restored: all that the
// tool opens for itself, and all that tasks inherit until they have put it in place, lie from base()
// to last(), numbers that no task needs: above all of theirs, or in the largest gap between
// them where the limit of open files leaves no room above.
class ServiceFds {
 public:
  // used: the descriptor numbers in the images. Raises the own limit of open files as far as it
  // goes; throws Error where it does not suffice.
  explicit ServiceFds(const std::set<int>& used);
  int base() const { return base_; }
  int last() const { return last_; }
  // Closes all others.
  void close_others() const;
  // Moves a descriptor there, unless it is there already.
  UniqueFd raise(UniqueFd fd) const;

 private:
  int base_ = 0;
  int last_ = 0;
};

}  // namespace criu
