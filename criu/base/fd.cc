// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/fd.h"

#include <fcntl.h>
#include <limits.h>

#include "criu/base/error.h"

namespace criu {

namespace {

enum class Until { kNothingCame, kLessCame };

std::string read_rest(int fd, const std::string& path, Until end = Until::kNothingCame) {
  std::string text;
  char piece[16 * 1024];
  for (;;) {
    const ssize_t n = ::read(fd, piece, sizeof piece);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno("cannot read {}", path);
    text.append(piece, static_cast<size_t>(n));
    const bool less = static_cast<size_t>(n) < sizeof piece;
    if (n == 0 || (less && end == Until::kLessCame)) return text;
  }
}

std::optional<std::string> read_if_there(const std::string& path, Until end) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd && (errno == ENOENT || errno == ESRCH)) return std::nullopt;
  if (!fd) fail_errno("cannot open {}", path);
  return read_rest(fd.get(), path, end);
}

}  // namespace

void UniqueFd::close(const std::string& what) {
  if (fd_ < 0) return;
  if (::close(release()) < 0) fail_errno("cannot finish writing {}", what);
}

UniqueFd open_path(const std::string& path, int flags, unsigned mode) {
  return open_at(AT_FDCWD, path, flags, mode);
}

UniqueFd open_at(int dirfd, const std::string& path, int flags, unsigned mode) {
  UniqueFd fd(::openat(dirfd, path.c_str(), flags | O_CLOEXEC, mode));
  if (!fd) fail_errno("cannot open {}", path);
  return fd;
}

void write_all(int fd, const void* data, size_t size, const std::string& what) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::write(fd, static_cast<const char*>(data) + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno("cannot write {}", what);
    done += static_cast<size_t>(n);
  }
}

void read_exact(int fd, void* data, size_t size, const std::string& what) {
  size_t done = 0;
  while (done < size) {
    const ssize_t n = ::read(fd, static_cast<char*>(data) + done, size - done);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) fail_errno("cannot read {}", what);
    if (n == 0) fail("{} ends early: {} of {} bytes are there", what, done, size);
    done += static_cast<size_t>(n);
  }
}

std::string self_fd(int fd) {
  return fmt::format("/proc/self/fd/{}", fd);
}

std::string read_file(const std::string& path) {
  const UniqueFd fd = open_path(path, O_RDONLY);
  return read_rest(fd.get(), path);
}

std::string read_open_file(int fd, const std::string& path) {
  return read_rest(fd, path);
}

std::optional<std::string> read_file_if_there(const std::string& path) {
  return read_if_there(path, Until::kNothingCame);
}

std::string read_record(const std::string& path) {
  const UniqueFd fd = open_path(path, O_RDONLY);
  return read_rest(fd.get(), path, Until::kLessCame);
}

std::optional<std::string> read_record_if_there(const std::string& path) {
  return read_if_there(path, Until::kLessCame);
}

std::string read_link(const std::string& path) {
  std::string target(PATH_MAX, 0);
  const ssize_t n = ::readlink(path.c_str(), target.data(), target.size());
  if (n < 0) fail_errno("cannot read the link {}", path);
  if (static_cast<size_t>(n) == target.size()) fail("the path behind {} is too long", path);
  target.resize(static_cast<size_t>(n));
  return target;
}

}  // namespace criu
