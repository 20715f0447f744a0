// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <span>

namespace criu {

// clone3(2) with those flags, without a signal at the end: whoever ignores SIGCHLD has it reaped.
// pid: which the child is to have; 0: whichever. Returns the child's pid, 0 in it, -EEXIST where
// the pid is taken, another negative errno.
int make_child(pid_t pid, uint64_t flags);

// Runs f in a child that has the caller's descriptors in common with it, but a memory of its own,
// and waits for its end. f calls the kernel and nothing else: other threads may hold any lock. What
// it returns, 0 to 255, is returned.
//
// The child goes on when the caller is killed or a signal comes (Ctrl-C): what it has begun, it
// ends.
int run_in_child(const std::function<int()>& f);

// Who a call is to be made by.
struct Caller {
  pid_t pid;  // 0: whichever
  uid_t uid;
  gid_t gid;
  std::span<const gid_t> groups = {};
};

// The same, in a child that has that pid, those effective ids and those groups, with the
// capabilities of the calling process. Where the pid is taken, another one: `other_pid` tells.
int run_as(const Caller& caller, bool& other_pid, const std::function<int()>& f);

// f in the calling thread, which has those effective ids meanwhile, and its capabilities.
int run_with_ids(uid_t uid, gid_t gid, const std::function<int()>& f);

}  // namespace criu
