// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

namespace criu {

// A process that does nothing, has no descriptors, and ends with the object, in the process that
// has made it; or with that process.
class ShortLife {
 public:
  // pid: which it is to have; 0: whichever. Throws Error, also where the pid is taken.
  explicit ShortLife(pid_t pid = 0);
  ~ShortLife();
  ShortLife(const ShortLife&) = delete;
  ShortLife& operator=(const ShortLife&) = delete;
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_, maker_;
};

}  // namespace criu
