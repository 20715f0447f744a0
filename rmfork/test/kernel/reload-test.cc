// SPDX-License-Identifier: GPL-2.0-only
//
// The module comes and goes: what the two ways in answer without it, and calls that meet it
// leaving.
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string>
#include <utility>

#include "rmfork/error.h"
#include "rmfork/test/kernel/harness.h"
#include "rmfork/transport.h"

using namespace kernel_test;

namespace {

constexpr time_t kUnloadSeconds = 20;  // for an emulated machine; a leak would pin it for ever

// Unloads the module; the destructor loads it again with the pool it had.
class WithoutModule {
 public:
  WithoutModule() : file_(module_file()), parameters_(pool_parameters()) {
    close_device();
    long ret;
    // While a call that has just begun pins it, or, for a moment, a task that mapped pages.
    const time_t end = time(nullptr) + kUnloadSeconds;
    while ((ret = unload()) == -EAGAIN && time(nullptr) < end) sched_yield();
    if (ret == 0) return;
    open_device();
    CHECK_EQ(ret, 0);
  }
  ~WithoutModule() {
    try {
      load_module(file_, parameters_);
      open_device();
    } catch (const Failure& f) {
      printf("# %s\n", f.text.c_str());
    }
  }
  WithoutModule(const WithoutModule&) = delete;
  WithoutModule& operator=(const WithoutModule&) = delete;

 private:
  static long unload() { return syscall(SYS_delete_module, "rmfork", O_NONBLOCK) ? -errno : 0; }
  const char* file_;
  std::string parameters_;
};

std::string trouble(rmfork::TransportChoice choice) {
  try {
    rmfork::open_transport(choice);
  } catch (const rmfork::Error& e) {
    return e.what();
  }
  return "";
}

}  // namespace

KERNEL_TEST(without_the_module_the_call_is_still_told_from_others) {
  WithoutModule gone;
  CHECK(trouble(rmfork::TransportChoice::kDevice) == "no rmfork: /dev/rmfork does not exist");
  std::string syscall_trouble = trouble(rmfork::TransportChoice::kSyscall);
  if (over_device()) return;
  CHECK_EQ(issue_at(nullptr), -EFAULT);
  CHECK_EQ(issue_at(reinterpret_cast<rmfork_kargs*>(0x1000)), -EFAULT);
  CHECK_EQ(dump(getpid()), -ENODEV);
  CHECK(
      syscall_trouble ==
      "this kernel has no rmfork system call: syscall 454 is there but no rmfork module is loaded");
}

KERNEL_TEST(a_reloaded_module_has_another_pool) {
  if (kept_pool()) throw Skipped{"this pool is kept"};
  rmfork_query before = query();
  { WithoutModule gone; }
  rmfork_query after = query();
  CHECK(memcmp(before.pool_uuid, after.pool_uuid, sizeof(before.pool_uuid)) != 0);
  CHECK_EQ(after.generation, 0);
  CHECK_EQ(after.pool_bytes, before.pool_bytes);
}

KERNEL_TEST(a_reloaded_module_finds_the_snapshots_of_a_kept_pool) {
  if (!kept_pool()) throw Skipped{"this pool is not kept"};
  const rmfork_query before = query();
  std::uint64_t off;
  {
    Patterned source(300, 90), common(1, 91);
    Snapshot s(dump(source.child.pid(), {region(300)}));
    off = std::exchange(s.off, static_cast<std::uint64_t>(dump(common.child.pid(), {region(1)})));
  }
  Snapshot s(static_cast<long>(off));
  rmfork_info saved = {};
  CHECK_EQ(info(off, &saved), 0);
  const std::uint64_t free = query().free_bytes;
  for (int round = 0; round < 3; round++) {
    { WithoutModule gone; }
    const rmfork_query after = query();
    CHECK(memcmp(before.pool_uuid, after.pool_uuid, sizeof(before.pool_uuid)) == 0);
    CHECK_EQ(after.free_bytes, free);
    rmfork_info found = {};
    CHECK_EQ(info(off, &found), 0);
    CHECK(memcmp(&saved, &found, sizeof(saved)) == 0);
    CHECK(restores_to(off, 300, 90));
    // Until the last mapping of its pages is noticed to be gone.
    query();
  }
}

// Over the syscall nothing but the dispatcher stands between a call and an unload.
KERNEL_TEST(calls_may_meet_the_module_leaving) {
  if (over_device()) throw Skipped{"an open device keeps the module"};
  auto body = [](Child::Turn& turn) -> bool {
    turn.sync();
    rmfork_query q;
    rmfork_kargs kargs = {RMFORK_OP_QUERY, 0, (__u64)&q, 0, 0, sizeof(q)};
    for (;;) {
      long ret = issue(kargs);
      if (ret != 0 && ret != -ENODEV) return false;
    }
  };
  Child a(body), b(body);
  a.wait_ready();
  b.wait_ready();
  CHECK(a.start());
  CHECK(b.start());
  for (int i = 0; i < 20; i++) WithoutModule gone;
  CHECK_EQ(kill(a.pid(), 0), 0);
  siginfo_t si = {};
  CHECK_EQ(waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT), 0);
  CHECK_EQ(si.si_pid, 0);  // neither has ended: no other answer was seen
}
