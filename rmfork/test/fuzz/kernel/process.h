// SPDX-License-Identifier: GPL-2.0-only
#ifndef RMFORK_TEST_FUZZ_KERNEL_PROCESS_H
#define RMFORK_TEST_FUZZ_KERNEL_PROCESS_H

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace rmfork::fuzz {

// As fork(); the child dies with its parent, whenever that happens.
inline pid_t fork_mortal() {
  const pid_t parent = getpid();
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    // It may be gone already.
    if (getppid() != parent) _exit(1);
  }
  return pid;
}

// Kills a child and waits for its end.
inline void end_child(pid_t pid) {
  if (pid <= 0) return;
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
}

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_PROCESS_H
