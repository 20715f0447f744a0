// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/descriptor-table.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "criu/base/directory-listing.h"
#include "criu/base/error.h"
#include "criu/base/proc.h"

namespace criu::files {

DescriptorSource::DescriptorSource(pid_t pid)
    : pid_(pid), pidfd_(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))) {
  if (!pidfd_) fail_errno("cannot open a pidfd of task {}", pid);
}

UniqueFd DescriptorSource::get(int fd) const {
  UniqueFd own(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd_.get(), fd, 0)));
  if (!own) fail_errno("cannot get descriptor {} of task {} (pidfd_getfd)", fd, pid_);
  return own;
}

DescriptorTable::DescriptorTable(pid_t pid)
    : pid_(pid),
      source_(pid),
      links_(open_path(proc::path(pid, "fd"), O_RDONLY | O_DIRECTORY)),
      infos_(open_path(proc::path(pid, "fdinfo"), O_RDONLY | O_DIRECTORY)) {}

// The kernel makes an inode for each name that it lists: here those are the ones of info().
std::vector<int> DescriptorTable::numbers() const {
  DirectoryListing dir(proc::path(pid_, "fdinfo"));
  std::vector<int> fds;
  while (const char* name = dir.next()) fds.push_back(static_cast<int>(proc::to_u64(name)));
  std::sort(fds.begin(), fds.end());
  return fds;
}

std::string DescriptorTable::link(int fd) const {
  char target[PATH_MAX];
  const ssize_t n = readlinkat(links_.get(), std::to_string(fd).c_str(), target, sizeof target);
  if (n < 0) fail_errno("cannot read the link of descriptor {} of task {}", fd, pid_);
  if (static_cast<size_t>(n) == sizeof target)
    fail("the path behind descriptor {} of task {} is too long", fd, pid_);
  return std::string(target, static_cast<size_t>(n));
}

std::string DescriptorTable::info(int fd) const {
  const UniqueFd file = open_at(infos_.get(), std::to_string(fd), O_RDONLY);
  std::string text;
  char piece[1024];
  for (;;) {
    const ssize_t n = ::read(file.get(), piece, sizeof piece);
    if (n < 0) fail_errno("cannot read the fdinfo of descriptor {} of task {}", fd, pid_);
    text.append(piece, static_cast<size_t>(n));
    // The kernel makes the whole text at the first read (single_open()): a short one ends it.
    if (static_cast<size_t>(n) < sizeof piece) return text;
  }
}

}  // namespace criu::files
