// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/short-life.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "criu/base/child.h"
#include "criu/base/error.h"

namespace criu {

ShortLife::ShortLife(pid_t pid) : pid_(make_child(pid, 0)), maker_(getpid()) {
  if (pid_ == -EEXIST) fail("cannot make process {}: the pid is taken", pid);
  if (pid_ < 0)
    fail("cannot make a process{} to end: {}", pid != 0 ? fmt::format(" {}", pid) : "",
         std::strerror(-pid_));
  if (pid_ != 0) return;
  syscall(SYS_close_range, 0U, ~0U, 0U);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (;;) pause();
}

ShortLife::~ShortLife() {
  if (getpid() != maker_) return;
  kill(pid_, SIGKILL);
  while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) continue;
}

}  // namespace criu
