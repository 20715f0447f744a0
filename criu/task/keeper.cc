// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/keeper.h"

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/error.h"

namespace criu {

namespace {

// What is sent to the group of criu, from a terminal for example, is not for the keeper.
[[noreturn]] void keep(int pipe, const std::vector<pid_t>& pids) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_SETMASK, &all, nullptr);
  char dismissed = 0;
  ssize_t n = 0;
  while ((n = read(pipe, &dismissed, 1)) < 0 && errno == EINTR) continue;
  if (n != 1)
    for (const pid_t pid : pids) kill(pid, SIGKILL);
  _exit(0);
}

}  // namespace

Keeper::Keeper(std::vector<pid_t> pids) {
  if (pids.size() < 2) return;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) < 0) fail_errno("cannot make a pipe");
  UniqueFd read_end(ends[0]);
  pipe_.reset(ends[1]);
  // Its end is no news for whoever waits for children.
  clone_args args{};
  const long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid < 0) fail_errno("cannot make a process");
  if (pid == 0) {
    pipe_.reset();
    keep(read_end.get(), pids);
  }
  pid_ = static_cast<pid_t>(pid);
}

void Keeper::dismiss() {
  if (pid_ == 0) return;
  const char dismissed = 1;
  write_all(pipe_.get(), &dismissed, 1, "the keeper's pipe");
}

Keeper::~Keeper() {
  if (pid_ == 0) return;
  pipe_.reset();
  while (waitpid(pid_, nullptr, __WALL) < 0 && errno == EINTR) continue;
}

}  // namespace criu
