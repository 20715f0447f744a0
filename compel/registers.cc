// SPDX-License-Identifier: GPL-2.0-only
#include "compel/registers.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>

#include <cerrno>
#include <string>

#include "compel/error.h"

namespace compel {

namespace {

// include/linux/errno.h: never seen by user space, but by a tracer.
constexpr int64_t kErestartSys = 512;
constexpr int64_t kErestartNoIntr = 513;
constexpr int64_t kErestartNoHand = 514;
constexpr int64_t kErestartRestartBlock = 516;

constexpr int kSyscallInsnSize = 2;
constexpr unsigned long kUserCs64 = 0x33;

// The kernel keeps when such a wait is to end. Nevertheless the call itself, made again, is what is
// left of it: where it has no end, or an absolute one; or where what is left is written to where
// the duration stands, as sleep(3) has it. The kernel writes that whenever it leaves the call early
// (kernel/time/hrtimer.c, do_nanosleep()), and it has left it for the tracer.
bool may_run_again(const user_regs_struct& regs) {
  switch (regs.orig_rax) {
    case SYS_nanosleep:
      return regs.rdi == regs.rsi;
    case SYS_clock_nanosleep:
      return (regs.rsi & TIMER_ABSTIME) == 0 && regs.rdx == regs.r10;
    case SYS_poll:
      return static_cast<int>(regs.rdx) < 0;
    case SYS_futex:
      return (regs.rsi & FUTEX_CMD_MASK) == FUTEX_WAIT_BITSET;
    default:
      return false;
  }
}

bool is_restart(int64_t error) {
  return error == kErestartSys || error == kErestartNoIntr || error == kErestartNoHand;
}

}  // namespace

unsigned pending_restart(const user_regs_struct& regs) {
  if (static_cast<int64_t>(regs.orig_rax) < 0) return 0;
  const int64_t result = -static_cast<int64_t>(regs.rax);
  if (is_restart(result)) return static_cast<unsigned>(result);
  // A handler that runs first makes either of them EINTR (arch/x86/kernel/signal.c).
  if (result == kErestartRestartBlock && may_run_again(regs)) return kErestartNoHand;
  return 0;
}

user_regs_struct without_pending_restart(const user_regs_struct& regs) {
  user_regs_struct out = regs;
  if (pending_restart(regs) != 0) {
    out.rax = regs.orig_rax;
    out.rip -= kSyscallInsnSize;
  } else if (static_cast<int64_t>(regs.orig_rax) >= 0 &&
             -static_cast<int64_t>(regs.rax) == kErestartRestartBlock) {
    out.rax = static_cast<unsigned long>(-EINTR);
  }
  out.orig_rax = static_cast<unsigned long>(-1);
  return out;
}

user_regs_struct with_pending_restart(const user_regs_struct& regs, unsigned error) {
  if (!is_restart(error) || static_cast<int64_t>(regs.rax) < 0)
    throw Error("no system call is to be made again by error " + std::to_string(error));
  user_regs_struct out = regs;
  out.orig_rax = regs.rax;
  out.rax = static_cast<unsigned long>(-static_cast<int64_t>(error));
  out.rip += kSyscallInsnSize;
  return out;
}

std::optional<CallAgain> call_again(const user_regs_struct& regs) {
  if (static_cast<int64_t>(regs.orig_rax) < 0) return std::nullopt;
  if (-static_cast<int64_t>(regs.rax) != kErestartRestartBlock || !may_run_again(regs))
    return std::nullopt;
  CallAgain again{regs, 0};
  again.regs.rax = static_cast<unsigned long>(-kErestartNoHand);
  if (regs.orig_rax == SYS_nanosleep) again.duration = regs.rdi;
  if (regs.orig_rax == SYS_clock_nanosleep) {
    // The others are of processor time, which does not pass while the thread is stopped.
    if (regs.rdi != CLOCK_REALTIME && regs.rdi != CLOCK_MONOTONIC && regs.rdi != CLOCK_BOOTTIME)
      return std::nullopt;
    again.duration = regs.rdx;
  }
  return again;
}

bool is_compat(const user_regs_struct& regs) {
  return regs.cs != kUserCs64;
}

}  // namespace compel
