// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/tracer-call.h"

#include <cstddef>
#include <cstring>

#include "criu/base/error.h"
#include "criu/pie/restorer-args.h"

namespace criu {

namespace {

constexpr auto kNoSyscall = static_cast<unsigned long>(-1);

constexpr size_t kTold = offsetof(pie::RestorerArgs, syscall_ip);
static_assert(offsetof(pie::RestorerArgs, held_lists) ==
                  kTold + offsetof(ToldByRestorer, held_lists) &&
              offsetof(pie::RestorerArgs, scratch) == kTold + offsetof(ToldByRestorer, scratch));

}  // namespace

int64_t try_from_restorer(compel::Tracee& thread, const ToldByRestorer& told, long nr,
                          const std::array<uint64_t, 5>& args) {
  user_regs_struct r = thread.general();
  r.rip = told.syscall_ip;
  r.rax = static_cast<unsigned long>(nr);
  r.rdi = args[0];
  r.rsi = args[1];
  r.rdx = args[2];
  r.r10 = args[3];
  r.r8 = args[4];
  r.orig_rax = kNoSyscall;
  thread.set_general(r);
  thread.run_to_syscall_stop();
  thread.run_to_syscall_stop();
  const auto ret = static_cast<int64_t>(thread.general().rax);
  thread.leave_syscall();
  return ret;
}

void call_from_restorer(compel::Tracee& thread, const ToldByRestorer& told, long nr,
                        const std::array<uint64_t, 3>& args, const char* what) {
  const int64_t ret = try_from_restorer(thread, told, nr, {args[0], args[1], args[2], 0, 0});
  if (ret < 0) fail("thread {}: {}: {}", thread.tid(), what, strerror(static_cast<int>(-ret)));
}

}  // namespace criu
