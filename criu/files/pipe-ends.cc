// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/pipe-ends.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <memory>

#include "criu/base/error.h"
#include "criu/base/proc.h"

namespace criu::files {

namespace {

using Dir = std::unique_ptr<DIR, int (*)(DIR*)>;

// Calls f with each link of the process's descriptors. One that has ended has none.
template <typename F>
void each_fd_link(pid_t pid, F&& f) {
  const Dir dir(opendir(proc::path(pid, "fd").c_str()), closedir);
  if (dir == nullptr) return;
  char target[64];  // longer ones are no pipes
  while (const dirent* e = readdir(dir.get())) {
    const ssize_t n = readlinkat(dirfd(dir.get()), e->d_name, target, sizeof target);
    if (n > 0 && static_cast<size_t>(n) < sizeof target)
      f(std::string_view(target, static_cast<size_t>(n)));
  }
}

std::string name_of(pid_t pid) {
  try {
    return proc::read_stat(pid, pid).comm;
  } catch (const Error&) {
    return "it has ended by now";
  }
}

}  // namespace

void PipeEnds::add(const OpenFile& end) {
  Pipe& pipe = pipes_[end.link];
  if (pipe.who.empty()) pipe.who = end.who();
  const int mode = end.flags & O_ACCMODE;
  pipe.reader = pipe.reader || mode != O_WRONLY;
  pipe.writer = pipe.writer || mode != O_RDONLY;
  // A pipe without writers hangs up its readers, one without readers gives its writers an error.
  pollfd p{end.own.get(), 0, 0};
  if (poll(&p, 1, 0) < 0) fail_errno("cannot poll {}", end.who());
  if (mode == O_RDONLY && (p.revents & POLLHUP) == 0) pipe.writer_somewhere = true;
  if (mode == O_WRONLY && (p.revents & POLLERR) == 0) pipe.reader_somewhere = true;
}

void PipeEnds::refuse_holder(pid_t pid, const std::string& link) const {
  const auto pipe = pipes_.find(link);
  if (pipe != pipes_.end())
    fail(
        "{}: the pipe is held by task {} ({}) too, which is not part of the tree: not supported "
        "yet",
        pipe->second.who, pid, name_of(pid));
}

void PipeEnds::check(const std::set<pid_t>& tree) const {
  if (pipes_.empty()) return;
  const Dir dir(opendir("/proc"), closedir);
  if (dir == nullptr) fail_errno("cannot list /proc");
  while (const dirent* e = readdir(dir.get())) {
    const auto pid = static_cast<pid_t>(proc::to_u64(e->d_name));
    if (pid == 0 || pid == getpid() || tree.contains(pid)) continue;
    each_fd_link(pid, [&](std::string_view link) {
      if (link.starts_with("pipe:")) refuse_holder(pid, std::string(link));
    });
  }
  for (const auto& [link, pipe] : pipes_)
    if ((pipe.reader_somewhere && !pipe.reader) || (pipe.writer_somewhere && !pipe.writer))
      fail(
          "{}: the other end of the pipe is held by somebody who cannot be seen: not supported "
          "yet",
          pipe.who);
}

}  // namespace criu::files
