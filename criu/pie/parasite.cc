// SPDX-License-Identifier: GPL-2.0-only
//
// The parasite: asks, inside the task, what nobody can ask from outside. One batch, no
// conversation; it changes nothing in the task.

#include "criu/pie/parasite-args.h"

#include <linux/membarrier.h>
#include <linux/prctl.h>

#include "compel/pie/syscalls.h"

using criu::pie::ParasiteArgs;
using criu::pie::ThreadAnswer;

namespace {

constexpr unsigned long kKernelSigsetSize = 8;
// MEMBARRIER_CMD_GET_REGISTRATIONS, Linux 6.3; not in Debian 12's headers.
constexpr int kMembarrierGetRegistrations = 1 << 9;
// Signals whose disposition cannot be set.
constexpr unsigned kSigkill = 9, kSigstop = 19;

void ask_thread(ThreadAnswer* out) {
  struct {
    uint64_t sp;
    int32_t flags;
    uint32_t pad;
    uint64_t size;
  } stack = {};
  pie::syscall(__NR_sigaltstack, 0, &stack);
  out->altstack_sp = stack.sp;
  out->altstack_size = stack.size;
  out->altstack_flags = static_cast<uint32_t>(stack.flags);
  int signal = 0;
  pie::syscall(__NR_prctl, PR_GET_PDEATHSIG, &signal);
  out->pdeath_signal = static_cast<uint32_t>(signal);
  pie::syscall(__NR_prctl, PR_GET_TID_ADDRESS, &out->tid_address);
  out->securebits = static_cast<uint32_t>(pie::syscall(__NR_prctl, PR_GET_SECUREBITS));
}

void ask_task(ParasiteArgs* args) {
  args->brk = pie::syscall(__NR_brk, 0);
  args->dumpable = pie::syscall(__NR_prctl, PR_GET_DUMPABLE);
  int subreaper = 0;
  const long rc = pie::syscall(__NR_prctl, PR_GET_CHILD_SUBREAPER, &subreaper);
  args->child_subreaper = rc < 0 ? rc : subreaper;
  args->thp_disabled = pie::syscall(__NR_prctl, PR_GET_THP_DISABLE);
  args->membarrier = pie::syscall(__NR_membarrier, kMembarrierGetRegistrations);
  for (unsigned sig = 1; sig <= criu::pie::kSignals; sig++) {
    if (sig == kSigkill || sig == kSigstop) continue;
    pie::syscall(__NR_rt_sigaction, sig, 0, &args->actions[sig - 1], kKernelSigsetSize);
  }
  for (unsigned i = 0; i < criu::pie::kItimers; i++)
    pie::syscall(__NR_getitimer, i, &args->itimers[i]);
  for (unsigned i = 0; i < args->nr_timers; i++) {
    criu::pie::PosixTimer* t = &args->timers()[i];
    t->error = static_cast<int32_t>(pie::syscall(__NR_timer_gettime, t->id, &t->interval_sec));
    t->overrun = static_cast<int32_t>(pie::syscall(__NR_timer_getoverrun, t->id));
  }
}

}  // namespace

extern "C" void blob_main(void* data, uint32_t index) {
  auto* args = static_cast<ParasiteArgs*>(data);
  ask_thread(&args->threads()[index]);
  if (index == 0) ask_task(args);
}
