// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/pipe-ends.h"

#include <fcntl.h>
#include <poll.h>

#include "criu/base/error.h"

namespace criu::files {

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

void PipeEnds::check() const {
  for (const auto& [link, pipe] : pipes_)
    if ((pipe.reader_somewhere && !pipe.reader) || (pipe.writer_somewhere && !pipe.writer))
      fail_for_now(
          "{}: the other end of the pipe is held by somebody who cannot be seen: --external {} "
          "allows that, and a restore is then given another by --inherit-fd fd[N]:{}",
          pipe.who, link, link);
}

}  // namespace criu::files
