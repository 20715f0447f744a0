// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "criu/base/fd.h"

namespace criu::files {

// Gives what a task's descriptors refer to. Errors name the descriptor.
class DescriptorSource {
 public:
  explicit DescriptorSource(pid_t pid);
  // The same open file, as a descriptor of our own.
  UniqueFd get(int fd) const;

 private:
  pid_t pid_;
  UniqueFd pidfd_;
};

// The descriptors of a stopped task, as /proc and pidfd_getfd(2) give them. A table may have a
// great many: no path is walked twice. Errors name the descriptor.
class DescriptorTable {
 public:
  explicit DescriptorTable(pid_t pid);

  pid_t pid() const { return pid_; }
  std::vector<int> numbers() const;
  // Where /proc/pid/fd/N points to.
  std::string link(int fd) const;
  // /proc/pid/fdinfo/N, whole.
  std::string info(int fd) const;
  UniqueFd get(int fd) const { return source_.get(fd); }

 private:
  pid_t pid_;
  DescriptorSource source_;
  UniqueFd links_, infos_;
};

}  // namespace criu::files
