// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <unistd.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <utility>

namespace criu {

// A descriptor that is closed with its owner.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) reset(std::exchange(other.fd_, -1));
    return *this;
  }
  ~UniqueFd() { reset(); }

  int get() const { return fd_; }
  explicit operator bool() const { return fd_ >= 0; }
  // close(2) with its result: some file systems tell only then that data is lost. Throws Error
  // naming `what`.
  void close(const std::string& what);
  int release() { return std::exchange(fd_, -1); }
  void reset(int fd = -1) {
    if (fd_ >= 0) ::close(fd_);
    fd_ = fd;
  }

 private:
  int fd_ = -1;
};

// open(2), openat(2) with O_CLOEXEC; throw Error with the path.
UniqueFd open_path(const std::string& path, int flags, unsigned mode = 0);
UniqueFd open_at(int dirfd, const std::string& path, int flags, unsigned mode = 0);

// All of it, or Error naming `what`. read_exact: the file ending early is an error.
void write_all(int fd, const void* data, size_t size, const std::string& what);
void read_exact(int fd, void* data, size_t size, const std::string& what);

// "/proc/self/fd/<fd>": the path by which an open file is opened anew.
std::string self_fd(int fd);
// The whole of a file, such as one of /proc. Throws Error with the path.
std::string read_file(const std::string& path);
// The same of one that is open, from where it stands. The path is for messages.
std::string read_open_file(int fd, const std::string& path);
// The same; nothing where there is no such file, or the task is gone that it tells of.
std::optional<std::string> read_file_if_there(const std::string& path);
// The same of a file of /proc that the kernel makes whole at the first read (single_open(),
// simple_read_from_buffer()): where that gives less than was asked for, it is all.
std::string read_record(const std::string& path);
std::optional<std::string> read_record_if_there(const std::string& path);
// Where the link points to. Throws Error with the path.
std::string read_link(const std::string& path);

}  // namespace criu
