// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include "criu/base/fd.h"

namespace criu {

// During a restore descriptors are kept out of the way of those that will be restored: all that the
// tool opens for itself, and all that tasks inherit until they have put it in place, lie at base()
// and above, beyond the highest number any task needs.
class ServiceFds {
 public:
  // highest: the highest descriptor number in the images. Raises the own limit of open files as
  // far as it goes; throws Error where it does not suffice.
  explicit ServiceFds(int highest);
  int base() const { return base_; }
  // Moves a descriptor up, unless it is there already.
  UniqueFd raise(UniqueFd fd) const;

 private:
  int base_;
};

}  // namespace criu
