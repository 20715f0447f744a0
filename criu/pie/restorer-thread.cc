// SPDX-License-Identifier: GPL-2.0-only
//
// The restorer's part that gives threads and the task their attributes.

#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/mempolicy.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/securebits.h>
#include <linux/time.h>

#include "criu/pie/restorer-common.h"

namespace criu::pie {

namespace {

constexpr unsigned long kKernelSigsetSize = 8;
constexpr unsigned kLastCap = 63;
constexpr int kEinval = 22;
constexpr int kIoprioWhoProcess = 1;  // linux/ioprio.h
// Linux 6.15: timer_create(2) takes the id from where it would put it.
constexpr int kPrTimerCreateRestoreIds = 77;
constexpr int kArchReqXcompPerm = 0x1023;  // asm/prctl.h, Linux 5.16
constexpr unsigned kMembarrierBits = 32;
constexpr unsigned kSiSigno = 0;  // offset of si_signo in siginfo_t

struct SigEvent {
  uint64_t value;
  int32_t signo, notify, tid;
  int32_t pad[11];
};

void set_caps(RestorerArgs* args, uint64_t inh, uint64_t prm, uint64_t eff) {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2];
  for (unsigned i = 0; i < 2; i++) {
    data[i].inheritable = static_cast<uint32_t>(inh >> (32 * i));
    data[i].permitted = static_cast<uint32_t>(prm >> (32 * i));
    data[i].effective = static_cast<uint32_t>(eff >> (32 * i));
  }
  must(args, ::pie::syscall(__NR_capset, &header, data), kStepCreds, __NR_capset);
}

uint64_t permitted_now() {
  __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  ::pie::syscall(__NR_capget, &header, data);
  return data[0].permitted | static_cast<uint64_t>(data[1].permitted) << 32;
}

void set_ids(RestorerArgs* args, const Creds& c) {
  must(args, ::pie::syscall(__NR_setgroups, c.nr_groups, c.groups), kStepCreds, __NR_setgroups);
  must(args, ::pie::syscall(__NR_setresgid, c.gid, c.egid, c.sgid), kStepCreds, __NR_setresgid);
  ::pie::syscall(__NR_setfsgid, c.fsgid);
  must(args, ::pie::syscall(__NR_setresuid, c.uid, c.euid, c.suid), kStepCreds, __NR_setresuid);
  ::pie::syscall(__NR_setfsuid, c.fsuid);
}

// timer_create(2) gives the next free id: timers are made until it is the wanted one.
void make_timer(RestorerArgs* args, const PosixTimerRequest& t, bool chosen) {
  SigEvent event{};
  event.value = t.sigval;
  event.signo = t.signal;
  event.notify = t.notify;
  event.tid = t.thread;
  for (;;) {
    int32_t id = t.id;
    must(args, ::pie::syscall(__NR_timer_create, t.clock, &event, &id), kStepTimer,
         static_cast<uint64_t>(t.id));
    if (id == t.id) return;
    ::pie::syscall(__NR_timer_delete, id);
    if (chosen || id > t.id) give_up(args, kStepTimer, -kEinval, static_cast<uint64_t>(t.id));
  }
}

void restore_timers(RestorerArgs* args) {
  if (args->nr_timers == 0) return;
  const bool chosen = ::pie::syscall(__NR_prctl, kPrTimerCreateRestoreIds, 1, 0, 0, 0) == 0;
  for (uint64_t i = 0; i < args->nr_timers; i++) make_timer(args, args->timers[i], chosen);
  if (chosen) ::pie::syscall(__NR_prctl, kPrTimerCreateRestoreIds, 0, 0, 0, 0);
  for (uint64_t i = 0; i < args->nr_timers; i++) {
    const PosixTimerRequest& t = args->timers[i];
    must(args, ::pie::syscall(__NR_timer_settime, t.id, 0, &t.interval_sec, 0), kStepTimer,
         static_cast<uint64_t>(t.id));
  }
}

void restore_itimers(RestorerArgs* args) {
  for (unsigned i = 0; i < kItimers; i++) {
    const ItimerValue& v = args->itimers[i];
    if ((v.value_sec | v.value_usec | v.interval_sec | v.interval_usec) == 0) continue;
    must(args, ::pie::syscall(__NR_setitimer, i, &v, 0), kStepItimer, i);
  }
}

// Whether a robust list has anything in it: get_robust_list(2). Read by a system call, as the
// address may be any.
bool holds_mutexes(const ThreadRequest* t) {
  struct {
    uint64_t next, offset, pending;
  } head = {};
  const IoVec here = {reinterpret_cast<uint64_t>(&head), sizeof head};
  const IoVec there = {t->robust_list, sizeof head};
  const long rc =
      ::pie::syscall(__NR_process_vm_readv, t->args->threads[0].tid, &here, 1, &there, 1, 0);
  return rc == sizeof head && (head.next != t->robust_list || head.pending != 0);
}

// The kernel has room for a thread's tiles from their first use on (arch/x86/kernel/fpu/xstate.c,
// xfd_enable_feature()), and takes none by ptrace(2) before.
void touch_tiles() {
  // Palette 1, tile 0 of one row of four bytes (Intel SDM vol. 1, 18.2).
  alignas(64) uint8_t config[64] = {};
  config[0] = 1, config[16] = 4, config[48] = 1;
  asm volatile("ldtilecfg %0\n\ttilezero %%tmm0\n\ttilerelease" : : "m"(config));
}

}  // namespace

void ask_for_xcomp(RestorerArgs* args) {
  if (args->xcomp != 0)
    must(args, ::pie::syscall(__NR_arch_prctl, kArchReqXcompPerm, args->xcomp), kStepXcomp,
         args->xcomp);
}

void restore_memory_policy(const ThreadRequest* t) {
  const MemoryPolicy none = {MPOL_DEFAULT, 0, nullptr};
  const ThreadRequest& leader = t->args->threads[0];
  if (t->policy == nullptr && leader.policy == nullptr) return;
  const MemoryPolicy& p = t->policy != nullptr ? *t->policy : none;
  must(t->args, ::pie::syscall(__NR_set_mempolicy, p.mode, p.nodes, p.nr_words * 64 + 1),
       kStepThreadPolicy, static_cast<uint64_t>(t->tid));
}

void restore_thread_state(ThreadRequest* t) {
  RestorerArgs* args = t->args;
  if (t->uses_tiles != 0) touch_tiles();
  if (t->rseq != 0)
    must(args, ::pie::syscall(__NR_rseq, t->rseq, t->rseq_size, 0, t->rseq_signature), kStepRseq,
         t->rseq);
  struct {
    uint64_t sp;
    uint32_t flags, pad;
    uint64_t size;
  } stack = {t->altstack_sp, t->altstack_flags, 0, t->altstack_size};
  // The thread runs on the alternate stack now if it did so then: that is told by its registers.
  constexpr uint32_t kOnStack = 1;
  stack.flags &= ~kOnStack;
  must(args, ::pie::syscall(__NR_sigaltstack, &stack, 0), kStepAltStack, t->altstack_sp);
  must(args, ::pie::syscall(__NR_prctl, PR_SET_NAME, t->comm, 0, 0, 0), kStepPrctl, PR_SET_NAME);
  if (t->tsc_faults != 0)
    must(args, ::pie::syscall(__NR_prctl, PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0), kStepPrctl,
         PR_SET_TSC);
  if (t->mce_kill >= 0)
    must(args, ::pie::syscall(__NR_prctl, PR_MCE_KILL, PR_MCE_KILL_SET, t->mce_kill, 0, 0),
         kStepPrctl, PR_MCE_KILL);
  if (t->io_flusher != 0)
    must(args, ::pie::syscall(__NR_prctl, PR_SET_IO_FLUSHER, 1, 0, 0, 0), kStepPrctl,
         PR_SET_IO_FLUSHER);
  restore_scheduling(t);
}

void restore_end(ThreadRequest* t) {
  if (holds_mutexes(t)) {
    __atomic_add_fetch(&t->args->held_lists, 1, __ATOMIC_SEQ_CST);
    return;
  }
  ::pie::syscall(__NR_set_tid_address, t->clear_tid_address);
  must(t->args, ::pie::syscall(__NR_set_robust_list, t->robust_list, t->robust_list_len),
       kStepRobustList, t->robust_list);
}

void restore_scheduling(ThreadRequest* t) {
  RestorerArgs* args = t->args;
  if (t->affinity_size != 0)
    must(args, ::pie::syscall(__NR_sched_setaffinity, 0, t->affinity_size, t->affinity),
         kStepAffinity, static_cast<uint64_t>(t->tid));
  if (t->io_priority != 0)
    must(args, ::pie::syscall(__NR_ioprio_set, kIoprioWhoProcess, 0, t->io_priority),
         kStepIoPriority, t->io_priority);
  if (t->set_sched != 0) {
    // The class takes no nice value where it has no use for one (SCHED_IDLE, SCHED_FIFO).
    must(args, ::pie::syscall(__NR_setpriority, 0 /* PRIO_PROCESS */, 0, t->nice), kStepSched,
         t->sched.policy);
    must(args, ::pie::syscall(__NR_sched_setattr, 0, &t->sched, 0), kStepSched, t->sched.policy);
  }
  // After the class: one of real time has none, and whoever leaves it gets the usual one.
  if (t->timerslack != 0)
    must(args, ::pie::syscall(__NR_prctl, PR_SET_TIMERSLACK, t->timerslack, 0, 0, 0), kStepPrctl,
         PR_SET_TIMERSLACK);
}

void restore_credentials(ThreadRequest* t) {
  RestorerArgs* args = t->args;
  const Creds& c = t->creds;
  if (c.change != 0) {
    const uint64_t all = permitted_now();
    // Capabilities are kept over the change of ids, and trimmed last.
    must(args, ::pie::syscall(__NR_prctl, PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP, 0, 0, 0),
         kStepCreds, PR_SET_SECUREBITS);
    set_caps(args, c.inh, all, all);
    set_ids(args, c);
    set_caps(args, c.inh, all, all);
    for (unsigned cap = 0; cap <= kLastCap; cap++)
      if ((c.amb >> cap & 1) != 0)
        must(args, ::pie::syscall(__NR_prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0),
             kStepCreds, PR_CAP_AMBIENT);
    for (unsigned cap = 0; cap <= kLastCap; cap++) {
      if ((c.bnd >> cap & 1) != 0) continue;
      if (::pie::syscall(__NR_prctl, PR_CAPBSET_READ, cap, 0, 0, 0) != 1) continue;
      must(args, ::pie::syscall(__NR_prctl, PR_CAPBSET_DROP, cap, 0, 0, 0), kStepCreds,
           PR_CAPBSET_DROP);
    }
    must(args, ::pie::syscall(__NR_prctl, PR_SET_SECUREBITS, c.securebits, 0, 0, 0), kStepCreds,
         PR_SET_SECUREBITS);
    set_caps(args, c.inh, c.prm, c.eff);
  }
  if (c.no_new_privs != 0)
    must(args, ::pie::syscall(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), kStepPrctl,
         PR_SET_NO_NEW_PRIVS);
  // A change of ids makes the task undumpable and clears the parent-death signal.
  if (args->dumpable == 0 || args->dumpable == 1)
    must(args, ::pie::syscall(__NR_prctl, PR_SET_DUMPABLE, args->dumpable, 0, 0, 0), kStepPrctl,
         PR_SET_DUMPABLE);
  must(args, ::pie::syscall(__NR_prctl, PR_SET_PDEATHSIG, t->pdeath_signal, 0, 0, 0), kStepPrctl,
       PR_SET_PDEATHSIG);
}

// A thread may queue any siginfo to itself (rt_sigqueueinfo(2)).
void queue_signals(ThreadRequest* t, const QueuedSignal* signals, uint64_t n, bool shared) {
  for (uint64_t i = 0; i < n; i++) {
    const int32_t signo = *reinterpret_cast<const int32_t*>(signals[i].info + kSiSigno);
    const long rc = shared ? ::pie::syscall(__NR_rt_sigqueueinfo, t->tid, signo, signals[i].info)
                           : ::pie::syscall(__NR_rt_tgsigqueueinfo, t->args->threads[0].tid, t->tid,
                                            signo, signals[i].info);
    must(t->args, rc, kStepSignalQueue, static_cast<uint64_t>(signo));
  }
}

void restore_actions(RestorerArgs* args) {
  for (unsigned i = 0; i < kSignals; i++)
    if (args->set_action[i] != 0)
      must(args, ::pie::syscall(__NR_rt_sigaction, i + 1, &args->actions[i], 0, kKernelSigsetSize),
           kStepSignalAction, i + 1);
}

void restore_task_state(RestorerArgs* args) {
  if (args->child_subreaper != 0)
    must(args, ::pie::syscall(__NR_prctl, PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), kStepPrctl,
         PR_SET_CHILD_SUBREAPER);
  for (unsigned bit = 0; bit < kMembarrierBits; bit++)
    if ((args->membarrier >> bit & 1) != 0) ::pie::syscall(__NR_membarrier, 1U << bit, 0, 0);
  restore_itimers(args);
  restore_timers(args);
}

void restore_limits(RestorerArgs* args) {
  for (unsigned i = 0; i < kLimits; i++)
    if (i != RLIMIT_NPROC && i != RLIMIT_SIGPENDING && (args->set_limits >> i & 1) != 0)
      must(args, ::pie::syscall(__NR_prlimit64, 0, i, &args->limits[i], 0), kStepRlimit, i);
}

Limit lift_limit(RestorerArgs* args, unsigned resource) {
  Limit now{};
  must(args, ::pie::syscall(__NR_prlimit64, 0, resource, 0, &now), kStepRlimit, resource);
  const Limit wanted = (args->set_limits >> resource & 1) != 0 ? args->limits[resource] : now;
  const uint64_t most = now.max > wanted.max ? now.max : wanted.max;
  restore_limit(args, resource, {most, most});
  return wanted;
}

void restore_limit(RestorerArgs* args, unsigned resource, const Limit& limit) {
  must(args, ::pie::syscall(__NR_prlimit64, 0, resource, &limit, 0), kStepRlimit, resource);
}

}  // namespace criu::pie
