// SPDX-License-Identifier: GPL-2.0-only
#include "compel/registers.h"

#include <cerrno>

namespace compel {

namespace {

// include/linux/errno.h: never seen by user space, but by a tracer.
constexpr int64_t kErestartSys = 512;
constexpr int64_t kErestartNoIntr = 513;
constexpr int64_t kErestartNoHand = 514;
constexpr int64_t kErestartRestartBlock = 516;

constexpr int kSyscallInsnSize = 2;
constexpr unsigned long kUserCs64 = 0x33;

}  // namespace

user_regs_struct without_pending_restart(const user_regs_struct& regs) {
  user_regs_struct out = regs;
  if (static_cast<int64_t>(regs.orig_rax) >= 0) {
    switch (-static_cast<int64_t>(regs.rax)) {
      case kErestartSys:
      case kErestartNoIntr:
      case kErestartNoHand:
        out.rax = regs.orig_rax;
        out.rip -= kSyscallInsnSize;
        break;
      case kErestartRestartBlock:
        out.rax = static_cast<unsigned long>(-EINTR);
        break;
      default:
        break;
    }
  }
  out.orig_rax = static_cast<unsigned long>(-1);
  return out;
}

bool is_compat(const user_regs_struct& regs) {
  return regs.cs != kUserCs64;
}

}  // namespace compel
