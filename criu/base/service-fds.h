// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstddef>
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
  // Lets the table of descriptors grow for so many more at once. In a process of several threads the
  // kernel waits at each growth until nobody can read the table as it was (fs/file.c,
  // expand_fdtable()), 10 ms or more: this is called before there are any.
  void make_room(size_t more) const;
  // Moves a descriptor there, unless it is there already.
  UniqueFd raise(UniqueFd fd) const;

 private:
  int base_ = 0;
  int last_ = 0;
};

}  // namespace criu
