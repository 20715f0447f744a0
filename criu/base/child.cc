// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/child.h"

#include <linux/sched.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/held-signals.h"

namespace criu {

namespace {

constexpr int kUnheard = 255;  // the exit status of a child that could not begin

int wait_for(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, __WALL) < 0)
    if (errno != EINTR) fail_errno("cannot wait for a helper");
  if (!WIFEXITED(status)) fail("a helper was ended by signal {}", WTERMSIG(status));
  return WEXITSTATUS(status);
}

// By the system calls themselves: those of the libc would change all threads.
bool set_ids(uid_t uid, gid_t gid) {
  return syscall(SYS_setresgid, -1, gid, -1) == 0 && syscall(SYS_setresuid, -1, uid, -1) == 0;
}

bool become(uid_t uid, gid_t gid) {
  return prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP) == 0 && set_ids(uid, gid);
}

// In a user namespace that denies it there are none to begin with.
bool set_groups(std::span<const gid_t> groups) {
  return (groups.empty() && getgroups(0, nullptr) == 0) ||
         syscall(SYS_setgroups, groups.size(), groups.data()) == 0;
}

}  // namespace

int make_child(pid_t pid, uint64_t flags) {
  clone_args args{};
  args.flags = flags;
  if (pid != 0) {
    args.set_tid = reinterpret_cast<uint64_t>(&pid);
    args.set_tid_size = 1;
  }
  const long made = syscall(SYS_clone3, &args, sizeof args);
  return made < 0 ? -errno : static_cast<int>(made);
}

// Ctrl-C is for all of the terminal's job.
int run_in_child(const std::function<int()>& f) {
  const DelayedSignals none_stops_half_way;
  const int child = make_child(0, CLONE_FILES);
  if (child == 0) _exit(f());
  if (child < 0) fail("cannot make a helper: {}", strerror(-child));
  return wait_for(child);
}

int run_as(const Caller& caller, bool& other_pid, const std::function<int()>& f) {
  int child = make_child(caller.pid, CLONE_FILES);
  other_pid = child == -EEXIST;
  if (other_pid) child = make_child(0, CLONE_FILES);
  if (child == 0)
    _exit(set_groups(caller.groups) && become(caller.uid, caller.gid) ? f() : kUnheard);
  if (child < 0) fail("cannot make a helper with the pid {}: {}", caller.pid, strerror(-child));
  const int result = wait_for(child);
  if (result == kUnheard)
    fail("a helper cannot become user {} and group {}", caller.uid, caller.gid);
  return result;
}

int run_with_ids(uid_t uid, gid_t gid, const std::function<int()>& f) {
  const uid_t own_uid = geteuid();
  const gid_t own_gid = getegid();
  if (uid == own_uid && gid == own_gid) return f();
  const int bits = prctl(PR_GET_SECUREBITS);
  int parent_signal = 0;  // which goes with a change of ids: kernel/cred.c, commit_creds()
  prctl(PR_GET_PDEATHSIG, &parent_signal);
  if (!become(uid, gid)) fail_errno("cannot become user {} and group {}", uid, gid);
  const int result = f();
  if (!set_ids(own_uid, own_gid) || prctl(PR_SET_SECUREBITS, bits) < 0 ||
      prctl(PR_SET_PDEATHSIG, parent_signal) < 0)
    fail_errno("cannot become user {} and group {} again", own_uid, own_gid);
  return result;
}

}  // namespace criu
