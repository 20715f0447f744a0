// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <fcntl.h>

#include <memory>

#include "criu/base/error.h"
#include "criu/files/file-kind.h"

namespace criu::net {

// What a restore was given for a socket: the same open file, as it is.
template <typename Entry>
class GivenSocket : public files::RestoredEntry<Entry> {
 public:
  GivenSocket(const Entry& entry, int fd) : files::RestoredEntry<Entry>(entry), fd_(fd) {}
  UniqueFd open() override {
    UniqueFd fd(fcntl(fd_, F_DUPFD_CLOEXEC, 0));
    if (!fd) fail_errno("cannot duplicate what was given for socket {}", this->entry_.id);
    return fd;
  }

 private:
  int fd_;  // the context's
};

// By --inherit-fd fd[N]:socket:[INODE]. Null: nothing was given.
template <typename Entry>
std::unique_ptr<files::RestoredFile> given_socket(const files::RestoreContext& context,
                                                  const Entry& entry) {
  const auto it = context.inherited.find(fmt::format("socket:[{}]", entry.ino));
  if (it == context.inherited.end()) return nullptr;
  return std::make_unique<GivenSocket<Entry>>(entry, it->second.get());
}

}  // namespace criu::net
