// SPDX-License-Identifier: GPL-2.0-only
#ifndef RMFORK_FD_H
#define RMFORK_FD_H

#include <unistd.h>

#include <utility>

namespace rmfork {

// Owns a descriptor.
class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    std::swap(fd_, other.fd_);
    return *this;
  }
  ~Fd() {
    if (fd_ >= 0) close(fd_);
  }
  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }

 private:
  int fd_;
};

}  // namespace rmfork

#endif  // RMFORK_FD_H
