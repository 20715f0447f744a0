// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/user.h>

#include <cstdint>
#include <optional>
#include <vector>

namespace compel {

// The registers of a stopped x86-64 thread.
//
// `general` is NT_PRSTATUS and `xstate` NT_X86_XSTATE of ptrace(2) PTRACE_GETREGSET: the XSAVE
// area in its standard (not compacted) form, whatever components the processor has.
struct Registers {
  user_regs_struct general{};
  std::vector<uint8_t> xstate;
};

// The general registers as they must stand for a thread that is continued by other means than the
// kernel's own restart of an interrupted system call (rt_sigreturn, or a restore): a call that
// was interrupted is set up to run again, or to return EINTR where the kernel keeps to itself how
// much is left of it (ERESTART_RESTARTBLOCK: some sleeps and timed waits).
user_regs_struct without_pending_restart(const user_regs_struct& regs);

// By which error the kernel had left the system call that without_pending_restart() sets up to run
// again (ERESTARTSYS, ERESTARTNOINTR, ERESTARTNOHAND); 0 where there is none.
unsigned pending_restart(const user_regs_struct& regs);

// The way back: what without_pending_restart() gave, as the kernel has to see it in a thread that
// has stopped by PTRACE_INTERRUPT. The kernel makes the call again, unless a signal comes first
// that has a handler: then it is the error that says whether the call ends with EINTR. Throws Error
// for an error that is none of these.
user_regs_struct with_pending_restart(const user_regs_struct& regs, unsigned error);

// The general registers for a thread that the kernel continues: what it would go on with by
// restart_syscall(2) is that call itself again, where that comes to the same. So whoever stops the
// thread next sees which call it is. Nothing where it does not.
//
// duration: address of the timespec from which the time is to be taken that has passed since the
// kernel wrote there how much is left (a sleep); 0: there is none.
struct CallAgain {
  user_regs_struct regs;
  uint64_t duration;
};
std::optional<CallAgain> call_again(const user_regs_struct& regs);

// True where the thread runs 32-bit code (the code segment tells).
bool is_compat(const user_regs_struct& regs);

}  // namespace compel
