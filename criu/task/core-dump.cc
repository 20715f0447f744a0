// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/core-dump.h"

#include <linux/seccomp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <span>

#include "compel/rseq.h"
#include "criu/arch/x86_64/thread-info.h"
#include "criu/base/error.h"
#include "criu/base/parallel.h"
#include "criu/pie/restorer-args.h"
#include "criu/task/scheduling.h"

namespace criu {

namespace {

// task_core_entry.task_state
constexpr uint32_t kAlive = 1, kDead = 2, kStopped = 3;

// (prlimit(2) of another user's process would take CAP_SYS_RESOURCE.)
TaskRlimitsEntry* limits_entry(image::Arena& arena, std::span<const pie::Limit> limits) {
  auto* e = arena.make<TaskRlimitsEntry>();
  e->n_rlimits = limits.size();
  e->rlimits = arena.array<RlimitEntry*>(e->n_rlimits);
  for (size_t i = 0; i < limits.size(); i++) {
    e->rlimits[i] = arena.make<RlimitEntry>();
    e->rlimits[i]->cur = limits[i].cur, e->rlimits[i]->max = limits[i].max;
  }
  return e;
}

SignalQueueEntry* signal_queue(image::Arena& arena, const std::vector<siginfo_t>& queue) {
  auto* e = arena.make<SignalQueueEntry>();
  e->n_signals = queue.size();
  e->signals = arena.array<SiginfoEntry*>(queue.size());
  for (size_t i = 0; i < queue.size(); i++) {
    e->signals[i] = arena.make<SiginfoEntry>();
    e->signals[i]->siginfo = arena.bytes(&queue[i], sizeof queue[i]);
  }
  return e;
}

void set_exit_signal(TaskCoreEntry* tc, const FrozenTask& task) {
  if (task.stat.exit_signal != SIGCHLD)
    CRIU_SET_OPTIONAL(tc, exit_signal, static_cast<uint32_t>(task.stat.exit_signal));
}

CredsEntry* creds_entry(image::Arena& arena, const proc::Status& s, uint32_t securebits) {
  auto* e = arena.make<CredsEntry>();
  e->uid = s.uid[0], e->euid = s.uid[1], e->suid = s.uid[2], e->fsuid = s.uid[3];
  e->gid = s.gid[0], e->egid = s.gid[1], e->sgid = s.gid[2], e->fsgid = s.gid[3];
  const auto words = [&](uint64_t set, size_t& n, uint32_t*& to) {
    const uint32_t pair[2] = {static_cast<uint32_t>(set), static_cast<uint32_t>(set >> 32)};
    n = 2;
    to = arena.copy<uint32_t>(pair);
  };
  words(s.cap_inh, e->n_cap_inh, e->cap_inh);
  words(s.cap_prm, e->n_cap_prm, e->cap_prm);
  words(s.cap_eff, e->n_cap_eff, e->cap_eff);
  words(s.cap_bnd, e->n_cap_bnd, e->cap_bnd);
  words(s.cap_amb, e->n_cap_amb, e->cap_amb);
  e->secbits = securebits;
  e->n_groups = s.groups.size();
  e->groups = arena.copy<uint32_t>(s.groups);
  if (s.no_new_privs) CRIU_SET_OPTIONAL(e, no_new_privs, 1);
  return e;
}

void add_sigactions(image::Arena& arena, TaskCoreEntry* tc, const TaskAnswer& answer) {
  tc->sigactions = arena.array<SaEntry*>(pie::kSignals);
  for (int sig = 1; sig <= static_cast<int>(pie::kSignals); sig++) {
    if (sig == SIGKILL || sig == SIGSTOP) continue;
    const pie::SigAction& a = answer.task().actions[sig - 1];
    auto* e = arena.make<SaEntry>();
    e->sigaction = a.handler, e->flags = a.flags, e->restorer = a.restorer, e->mask = a.mask;
    tc->sigactions[tc->n_sigactions++] = e;
  }
}

// The thread or process whose processor time a timer goes by, where that is not its own task's; 0:
// none. A clock is ~id shifted by three bits (include/linux/posix-timers_types.h); 3 is a file's.
pid_t whose_time(const proc::Timer& t) {
  constexpr int kKind = 3;
  const auto clock = static_cast<int>(t.clock);
  return clock >= 0 || (clock & kKind) == kKind ? 0 : ~(clock >> 3);
}

}  // namespace

struct CoreDump::Thread {
  pid_t tid = 0;
  proc::Status status;
  Scheduling sched;
  uint64_t robust_list = 0;
  uint64_t robust_list_len = 0;
  std::optional<uint32_t> loginuid;
  std::vector<compel::SeccompFilter> filters;
  uint32_t first_filter = 0;  // in seccomp.img
};

CoreDump::CoreDump(FrozenTask& task) : task_(task) {}

void CoreDump::read_stopped() {
  const compel::Memory memory(task_.pid);
  for (const auto& tracee : task_.threads) {
    const compel::StoppedThread& stopped = stopped_.emplace_back(*tracee, memory);
    if (stopped.diverts.value_or(false))
      fail("thread {} diverts its system calls (Syscall User Dispatch): not supported yet",
           tracee->tid());
    if (compel::is_compat(stopped.regs.general))
      fail("thread {} runs 32-bit code: not supported yet", tracee->tid());
  }
}

void CoreDump::look() {
  threads_.resize(task_.threads.size());
  Cpuset cpuset(task_.pid);
  constexpr size_t kGrain = 8;
  for_each_in_parallel(threads_.size(), kGrain, [&](size_t i) {
    threads_[i].tid = task_.threads[i]->tid();
    read_thread(threads_[i], cpuset);
  });
  oom_score_adj_ = std::stoi(read_record(proc::path(task_.pid, "oom_score_adj")));
  timers_ = proc::read_timers(task_.pid);
  check_timers();
  autogroup_nice_ = read_autogroup_nice(task_.pid);
  check_loginuid();
}

// Each thread has one, but the image's is the task's.
void CoreDump::check_loginuid() const {
  for (const Thread& t : threads_)
    if (t.loginuid != threads_.front().loginuid)
      fail("thread {} has an audit user (loginuid) of its own: not supported yet", t.tid);
}

// What needs no tracer.
void CoreDump::read_thread(Thread& t, Cpuset& cpuset) const {
  t.status = proc::read_status(task_.pid, t.tid);
  if (t.status.shadow_stack) fail("thread {} has a shadow stack: not supported yet", t.tid);
  if (t.status.tagged_addresses)
    fail("thread {} has tagged addresses (linear address masking): not supported yet", t.tid);
  if (const auto uid = read_record_if_there(proc::path(t.tid, "loginuid")))
    t.loginuid = static_cast<uint32_t>(proc::to_u64(*uid));
  t.sched = read_scheduling(cpuset, t.tid);
  if (syscall(SYS_get_robust_list, t.tid, &t.robust_list, &t.robust_list_len) < 0)
    fail_errno("cannot read the robust list of thread {}", t.tid);
}

void CoreDump::suspend_seccomp() {
  for (Thread& t : threads_) {
    if (t.status.seccomp == SECCOMP_MODE_DISABLED) continue;
    compel::suspend_seccomp(t.tid, false);
    if (t.status.seccomp == SECCOMP_MODE_FILTER) {
      t.filters = compel::read_seccomp_filters(t.tid);
      check_seccomp_filters(t.tid, t.filters);
    }
  }
}

void CoreDump::add_to(SeccompFilters& all) {
  for (Thread& t : threads_)
    if (!t.filters.empty()) t.first_filter = all.add(t.filters);
}

// timer_create(2) takes a living thread to be signalled only.
void CoreDump::check_timers() const {
  for (const proc::Timer& t : timers_)
    if ((t.notify & SIGEV_THREAD_ID) != 0 &&
        std::ranges::find(threads_, t.thread, &Thread::tid) == threads_.end())
      fail("task {}: timer {} is for a thread that has ended: not supported yet", task_.pid, t.id);
  for (const proc::Timer& t : timers_)
    if (const pid_t of = whose_time(t); of != 0 && !is_there(of))
      fail("task {}: timer {} counts the time of {}, which has ended: not supported yet", task_.pid,
           t.id, of);
}

// A thread of this task, or any process.
bool CoreDump::is_there(pid_t id) const {
  return std::ranges::find(threads_, id, &Thread::tid) != threads_.end() || kill(id, 0) == 0;
}

uint64_t CoreDump::locked_kib() const {
  return threads_.front().status.locked_kib;
}

std::vector<uint64_t> CoreDump::pending() const {
  std::vector<uint64_t> all;
  for (const Thread& t : threads_) all.push_back(t.status.pending);
  return all;
}

uint64_t CoreDump::shared_pending() const {
  return threads_.front().status.shared_pending;
}

uint32_t CoreDump::umask() const {
  return threads_.front().status.umask;
}

void CoreDump::check(const TaskAnswer& answer) const {
  if (const int64_t error = answer.task().limits_error; error != 0)
    fail("task {}: its limits cannot be read ({})", task_.pid, strerror(static_cast<int>(-error)));
  if (answer.task().ldt > 0)
    fail("task {} has a local descriptor table (modify_ldt): not supported yet", task_.pid);
}

CoreDump::~CoreDump() = default;

CoreEntry* CoreDump::thread_core(image::Arena& arena, size_t i, const TaskAnswer& answer) const {
  const Thread& t = threads_[i];
  const compel::StoppedThread& stopped = stopped_[i];
  const pie::ThreadAnswer& a = answer.thread(i);
  auto* tc = arena.make<ThreadCoreEntry>();
  tc->futex_rla = t.robust_list;
  tc->futex_rla_len = static_cast<uint32_t>(t.robust_list_len);
  put_scheduling(arena, t.sched, tc);
  CRIU_SET_OPTIONAL(tc, timerslack_ns, a.timerslack);
  CRIU_SET_OPTIONAL(tc, blk_sigset, stopped.blocked);
  tc->sas = arena.make<ThreadSasEntry>();
  tc->sas->ss_sp = a.altstack_sp;
  tc->sas->ss_size = a.altstack_size;
  tc->sas->ss_flags = a.altstack_flags;
  if (a.pdeath_signal != 0) CRIU_SET_OPTIONAL(tc, pdeath_sig, a.pdeath_signal);
  if (a.tsc == PR_TSC_SIGSEGV) CRIU_SET_OPTIONAL(tc, tsc_faults, 1);
  if (a.mce_kill == PR_MCE_KILL_LATE || a.mce_kill == PR_MCE_KILL_EARLY)
    CRIU_SET_OPTIONAL(tc, mce_kill, static_cast<uint32_t>(a.mce_kill));
  if (a.io_flusher == 1) CRIU_SET_OPTIONAL(tc, io_flusher, 1);
  mm::put_policy(arena, answer.thread_policy(i), tc);
  if (t.status.seccomp == SECCOMP_MODE_STRICT)
    CRIU_SET_OPTIONAL(tc, seccomp_mode, SECCOMP_MODE__strict);
  if (!t.filters.empty()) {
    CRIU_SET_OPTIONAL(tc, seccomp_mode, SECCOMP_MODE__filter);
    CRIU_SET_OPTIONAL(tc, seccomp_filter, t.first_filter);
  }
  tc->signals_p = signal_queue(arena, answer.signals(i));
  tc->creds = creds_entry(arena, t.status, a.securebits);
  tc->comm = arena.text(t.status.comm);
  if (stopped.rseq.pointer != 0) {
    tc->rseq_entry = arena.make<RseqEntry>();
    tc->rseq_entry->rseq_abi_pointer = stopped.rseq.pointer;
    tc->rseq_entry->rseq_abi_size = stopped.rseq.size;
    tc->rseq_entry->signature = stopped.rseq.signature;
  }
  auto* core = arena.make<CoreEntry>();
  core->mtype = CORE_ENTRY__MARCH__X86_64;
  core->thread_info = arch::thread_info(arena, stopped.regs, a.tid_address);
  core->thread_core = tc;
  return core;
}

TaskTimersEntry* CoreDump::timers_entry(image::Arena& arena, const TaskAnswer& answer) const {
  const auto itimer = [&](int which) {
    const pie::ItimerValue& v = answer.itimer(which);
    auto* e = arena.make<ItimerEntry>();
    e->isec = v.interval_sec, e->iusec = v.interval_usec;
    e->vsec = v.value_sec, e->vusec = v.value_usec;
    return e;
  };
  auto* e = arena.make<TaskTimersEntry>();
  e->real = itimer(0), e->virt = itimer(1), e->prof = itimer(2);
  e->n_posix = timers_.size();
  e->posix = arena.array<PosixTimerEntry*>(timers_.size());
  for (size_t i = 0; i < timers_.size(); i++) {
    const proc::Timer& t = timers_[i];
    const pie::PosixTimer& v = answer.timer(i);
    if (v.error != 0)
      fail("task {}: timer {} cannot be read ({})", task_.pid, t.id, strerror(-v.error));
    auto* p = e->posix[i] = arena.make<PosixTimerEntry>();
    p->it_id = static_cast<uint32_t>(t.id);
    p->clock_id = t.clock;
    p->si_signo = t.signal;
    p->it_sigev_notify = t.notify;
    p->sival_ptr = t.sigval;
    p->overrun = static_cast<uint32_t>(v.overrun);
    p->isec = v.interval_sec, p->insec = v.interval_nsec;
    p->vsec = v.value_sec, p->vnsec = v.value_nsec;
    if (t.thread != 0) CRIU_SET_OPTIONAL(p, notify_thread_id, t.thread);
  }
  return e;
}

TaskCoreEntry* CoreDump::task_core(image::Arena& arena, const TaskAnswer& answer) const {
  auto* tc = arena.make<TaskCoreEntry>();
  const bool goes_on = answer.was_continued(), stops = answer.was_stopped();
  tc->task_state = (task_.is_stopped() && !goes_on) || stops ? kStopped : kAlive;
  if (task_.is_stopped() && !goes_on) {
    CRIU_SET_OPTIONAL(tc, stop_signo, static_cast<uint32_t>(task_.leader().stop_signal()));
    // fs/proc/array.c, do_task_stat(); kernel/exit.c, wait_task_stopped().
    CRIU_SET_OPTIONAL(tc, stop_told, task_.stat.exit_code == 0);
  }
  tc->personality = static_cast<uint32_t>(answer.task().personality);
  tc->flags = task_.stat.flags;
  tc->blk_sigset = stopped_.front().blocked;
  tc->comm = arena.text(threads_.front().status.comm);
  tc->timers = timers_entry(arena, answer);
  tc->rlimits = limits_entry(arena, answer.task().limits);
  tc->signals_s = signal_queue(arena, answer.shared_signals());
  CRIU_SET_OPTIONAL(tc, oom_score_adj, oom_score_adj_);
  if (const auto uid = threads_.front().loginuid) CRIU_SET_OPTIONAL(tc, loginuid, *uid);
  if (autogroup_nice_ != 0) CRIU_SET_OPTIONAL(tc, autogroup_nice, autogroup_nice_);
  if (answer.task().child_subreaper == 1) CRIU_SET_OPTIONAL(tc, child_subreaper, 1);
  if (answer.task().membarrier > 0)
    CRIU_SET_OPTIONAL(tc, membarrier_registration_mask,
                      static_cast<uint32_t>(answer.task().membarrier));
  if ((answer.task().xcomp_permitted >> arch::kTileData & 1) != 0)
    CRIU_SET_OPTIONAL(tc, xcomp_asked_for, arch::kTileData);
  set_exit_signal(tc, task_);
  add_sigactions(arena, tc, answer);
  return tc;
}

void CoreDump::write(const image::Directory& dir, size_t i, const TaskAnswer& answer) const {
  image::Arena arena;
  CoreEntry* core = thread_core(arena, i, answer);
  if (i == 0) core->tc = task_core(arena, answer);
  image::write_single(dir, image::Kind::kCore, static_cast<uint64_t>(threads_[i].tid), core);
}

void check_zombie(const FrozenTask& task) {
  // It would be sent again when the zombie is made anew, and cannot be ignored.
  if (task.stat.exit_signal == SIGSTOP || task.stat.exit_signal == SIGKILL)
    fail("task {}: a zombie whose parent got signal {} at its end is not supported yet", task.pid,
         task.stat.exit_signal);
}

void write_zombie_core(const image::Directory& dir, const FrozenTask& task) {
  image::Arena arena;
  auto* core = arena.make<CoreEntry>();
  core->mtype = CORE_ENTRY__MARCH__X86_64;
  core->tc = arena.make<TaskCoreEntry>();
  core->tc->task_state = kDead;
  core->tc->exit_code = static_cast<uint32_t>(task.stat.exit_code);
  core->tc->comm = arena.text(task.stat.comm);
  set_exit_signal(core->tc, task);
  image::write_single(dir, image::Kind::kCore, static_cast<uint64_t>(task.pid), core);
}

}  // namespace criu
