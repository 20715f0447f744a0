// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <utility>
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

// A descriptor of ours for what a task has open, which is got when it is needed: a table may have
// more than this process may have open. The source outlives it. For one thread at a time.
class OwnDescriptor {
 public:
  OwnDescriptor() = default;
  OwnDescriptor(const DescriptorSource& source, int number) : source_(&source), number_(number) {}
  explicit OwnDescriptor(UniqueFd fd) : fd_(std::move(fd)) {}

  // -1 where there is none. Throws Error.
  int get() const {
    if (!fd_ && source_ != nullptr) fd_ = source_->get(number_);
    return fd_.get();
  }
  // Closes it; one that has a source can be got again.
  void reset() { fd_.reset(); }

 private:
  const DescriptorSource* source_ = nullptr;
  int number_ = -1;
  mutable UniqueFd fd_;
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
  const DescriptorSource& source() const { return source_; }

 private:
  pid_t pid_;
  DescriptorSource source_;
  UniqueFd links_, infos_;
};

}  // namespace criu::files
