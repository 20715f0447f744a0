// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/short-life.h"

#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "criu/base/error.h"

namespace criu {

ShortLife::ShortLife(pid_t pid) : maker_(getpid()) {
  clone_args args{};  // and no signal at its end: whoever ignores SIGCHLD has it reaped
  if (pid != 0) {
    args.set_tid = reinterpret_cast<uint64_t>(&pid);
    args.set_tid_size = 1;
  }
  pid_ = static_cast<pid_t>(syscall(SYS_clone3, &args, sizeof args));
  if (pid_ < 0 && errno == EEXIST) fail("cannot make process {}: the pid is taken", pid);
  if (pid_ < 0)
    fail_errno("cannot make a process{} to end", pid != 0 ? fmt::format(" {}", pid) : "");
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
