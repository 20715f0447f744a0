// SPDX-License-Identifier: GPL-2.0-only
//
// The parasite: asks, inside the task, what nobody can ask from outside. One batch, no
// conversation; it changes nothing in the task.

#include "criu/pie/parasite-args.h"

#include <linux/fcntl.h>
#include <linux/membarrier.h>
#include <linux/mempolicy.h>
#include <linux/prctl.h>

#include "compel/pie/syscalls.h"

using criu::pie::ParasiteArgs;
using criu::pie::ThreadAnswer;

namespace {

constexpr unsigned long kKernelSigsetSize = 8;
// MEMBARRIER_CMD_GET_REGISTRATIONS, Linux 6.3; not in Debian 12's headers.
constexpr int kMembarrierGetRegistrations = 1 << 9;
constexpr int kPrGetMemoryMerge = 68;  // Linux 6.4
constexpr int kPrGetMdwe = 66;         // Linux 6.3
constexpr int kArchGetXcompPerm = 0x1022;  // asm/prctl.h, Linux 5.16
constexpr unsigned kAskPersonality = 0xffffffff;
constexpr unsigned kLdtEntrySize = 8;
constexpr int kEnosys = 38;
// Signals whose disposition cannot be set.
constexpr unsigned kSigkill = 9, kSigstop = 19;

// The mode of the calling thread's memory policy, or of that of the mapping at an address; -errno.
int64_t mode_of_policy(uint64_t addr, unsigned flags) {
  int32_t mode = 0;
  const long rc = pie::syscall(__NR_get_mempolicy, &mode, 0, 0, addr, flags);
  return rc < 0 ? rc : mode;
}

// Most often there is none, and no nodes to tell of.
void ask_policy(const ParasiteArgs* args, uint64_t* out, uint64_t addr, unsigned flags) {
  int64_t mode = mode_of_policy(addr, flags);
  if (mode > 0) {
    const long rc =
        pie::syscall(__NR_get_mempolicy, 0, out + 1, args->policy_node_words * 64 + 1, addr, flags);
    if (rc < 0) mode = rc;
  }
  out[0] = static_cast<uint64_t>(mode);
}

// Shared memory has its policy by parts of itself, however they are mapped: where it begins with
// one and ends with another, that is for those to say that have mapped the part alone.
void ask_mappings(ParasiteArgs* args) {
  for (uint64_t i = 0; i < args->nr_mappings; i++) {
    const criu::pie::AskedMapping& m = args->mappings()[i];
    uint64_t* out = args->mapping_policy(i);
    ask_policy(args, out, m.start, MPOL_F_ADDR);
    if (out[0] == static_cast<uint64_t>(-kEnosys)) return;
    if (out[0] == 0) continue;
    uint64_t last[1 + criu::pie::kMaxNodeWords];
    ask_policy(args, last, m.end - 1, MPOL_F_ADDR);
    const uint64_t words = static_cast<int64_t>(out[0]) > 0 ? args->policy_words() : 1;
    for (uint64_t word = 0; word < words; word++)
      if (out[word] != last[word]) out[0] = 0;
  }
}

// For no event, without a wait: what stands in the ring stays there.
void ask_rings(ParasiteArgs* args) {
  const struct {
    int64_t sec, nsec;
  } no_wait = {0, 0};
  for (uint64_t i = 0; i < args->nr_rings; i++)
    args->rings()[i] = static_cast<uint64_t>(
        pie::syscall(__NR_io_getevents, args->rings()[i], 0, 0, 0, &no_wait));
}

void ask_limits(ParasiteArgs* args) {
  args->limits_error = 0;
  for (unsigned i = 0; i < criu::pie::kLimits; i++) {
    const long rc = pie::syscall(__NR_prlimit64, 0, i, 0, &args->limits[i]);
    if (rc < 0 && args->limits_error == 0) args->limits_error = rc;
  }
}

void ask_thread(ParasiteArgs* args, uint32_t index) {
  ThreadAnswer* out = &args->threads()[index];
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
  out->timerslack = static_cast<uint64_t>(pie::syscall(__NR_prctl, PR_GET_TIMERSLACK));
  out->securebits = static_cast<uint32_t>(pie::syscall(__NR_prctl, PR_GET_SECUREBITS));
  const long rc = pie::syscall(__NR_prctl, PR_GET_TSC, &out->tsc);
  if (rc < 0) out->tsc = static_cast<int32_t>(rc);
  out->mce_kill = static_cast<int32_t>(pie::syscall(__NR_prctl, PR_MCE_KILL_GET));
  out->io_flusher = static_cast<int32_t>(pie::syscall(__NR_prctl, PR_GET_IO_FLUSHER));
  ask_policy(args, args->thread_policy(index), 0, 0);
}

void ask_task(ParasiteArgs* args) {
  args->brk = pie::syscall(__NR_brk, 0);
  args->dumpable = pie::syscall(__NR_prctl, PR_GET_DUMPABLE);
  int subreaper = 0;
  const long rc = pie::syscall(__NR_prctl, PR_GET_CHILD_SUBREAPER, &subreaper);
  args->child_subreaper = rc < 0 ? rc : subreaper;
  args->thp_disabled = pie::syscall(__NR_prctl, PR_GET_THP_DISABLE);
  args->membarrier = pie::syscall(__NR_membarrier, kMembarrierGetRegistrations);
  args->memory_merge = pie::syscall(__NR_prctl, kPrGetMemoryMerge);
  args->mdwe = pie::syscall(__NR_prctl, kPrGetMdwe);
  uint64_t entry = 0;
  static_assert(sizeof entry == kLdtEntrySize);
  args->ldt = pie::syscall(__NR_modify_ldt, 0, &entry, sizeof entry);
  args->personality = pie::syscall(__NR_personality, kAskPersonality);
  args->xcomp_permitted = 0;
  pie::syscall(__NR_arch_prctl, kArchGetXcompPerm, &args->xcomp_permitted);
  ask_limits(args);
  ask_mappings(args);
  ask_rings(args);
  for (uint64_t i = 0; i < args->nr_fds; i++)
    args->fds()[i] = static_cast<int32_t>(pie::syscall(__NR_fcntl, args->fds()[i], F_GETFD));
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

extern "C" void blob_left_alone(void*, uint32_t) {}

extern "C" void blob_main(void* data, uint32_t index) {
  auto* args = static_cast<ParasiteArgs*>(data);
  ask_thread(args, index);
  if (index == 0) ask_task(args);
}
