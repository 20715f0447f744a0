// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/restorer-plan.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>

#include "criu/arch/x86_64/thread-info.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"
#include "criu/mm/memory-policy.h"
#include "criu/task/capabilities.h"
#include "criu/task/seccomp-restore.h"
#include "criu/task/tracer-call.h"

namespace criu {

namespace {

constexpr uint32_t kBadCaps = 64;

bool same_creds(const CredsEntry& e, const proc::Status& own) {
  const std::array<uint32_t, 4> uid = {e.uid, e.euid, e.suid, e.fsuid};
  const std::array<uint32_t, 4> gid = {e.gid, e.egid, e.sgid, e.fsgid};
  return uid == own.uid && gid == own.gid && e.secbits == 0 &&
         std::equal(e.groups, e.groups + e.n_groups, own.groups.begin(), own.groups.end()) &&
         capability_set(e.n_cap_inh, e.cap_inh) == own.cap_inh &&
         capability_set(e.n_cap_prm, e.cap_prm) == own.cap_prm &&
         capability_set(e.n_cap_eff, e.cap_eff) == own.cap_eff &&
         capability_set(e.n_cap_bnd, e.cap_bnd) == own.cap_bnd &&
         capability_set(e.n_cap_amb, e.cap_amb) == own.cap_amb;
}

}  // namespace

RestorerPlan::RestorerPlan(RestoreSession& session, size_t index)
    : s_(session), task_(session.plan.tasks()[index]), index_(index) {
  const mm::PagesImage& pages = *s_.pages[index];
  locks_ = s_.files.locks_of(task_.pid);
  area_.emplace(task_, mm::estimate_args(task_, pages, locks_.size()), sizeof(pie::SharedStages));
  args_ = area_->make<pie::RestorerArgs>();
  args_->area = area_->start();
  args_->area_size = area_->size();
  args_->first_service_fd = s_.fds.base();
  args_->last_service_fd = s_.fds.last();
  args_->tables_are_shared = s_.plan.shares_tables() ? 1 : 0;
  args_->shares_table = task_.table_owner != 0 ? 1 : 0;
  const uint64_t read = mm::plan_memory(
      *area_, args_,
      {task_, pages, s_.inherited, s_.dir, s_.files, s_.shared_memory, s_.segments, s_.fds});
  if (!s_.rmfork_calls.empty()) args_->rmfork = s_.rmfork_calls[index];
  s_.slots[index].pages.read += read;
  log::debug("Private pages to be read from the pages image: {}", read);
  plan_threads();
  plan_task();
  plan_timers();
  plan_limits();
  plan_files();
  args_->scratch = reinterpret_cast<uint64_t>(
      area_->make<uint8_t>(std::max(kLeastScratch, seccomp_scratch_size(task_))));
  plan_autogroup();
  if (task_.core().has_oom_score_adj)
    plan_attribute("oom_score_adj", task_.core().oom_score_adj, 10);
  if (task_.mm->has_coredump_filter)
    plan_attribute("coredump_filter", task_.mm->coredump_filter, 16);
  if (task_.core().has_loginuid) plan_attribute("loginuid", task_.core().loginuid, 10);
  note_old_rseq();
}

// The libc of this process has registered an rseq area, which is about to be unmapped.
void RestorerPlan::note_old_rseq() {
  if (__rseq_size == 0) return;
  args_->old_rseq =
      reinterpret_cast<uint64_t>(__builtin_thread_pointer()) + static_cast<uint64_t>(__rseq_offset);
  args_->old_rseq_size = sizeof(struct rseq);
  args_->old_rseq_signature = RSEQ_SIG;
}

const pie::QueuedSignal* RestorerPlan::queue(const SignalQueueEntry* from, uint64_t& n) {
  n = from == nullptr ? 0 : from->n_signals;
  auto* to = area_->make<pie::QueuedSignal>(n);
  for (uint64_t i = 0; i < n; i++) {
    const ProtobufCBinaryData& info = from->signals[i]->siginfo;
    if (info.len != sizeof to[i].info)
      fail("core-{}.img: a queued signal of {} bytes", task_.pid, info.len);
    std::memcpy(to[i].info, info.data, info.len);
    int signal = 0;
    std::memcpy(&signal, info.data, sizeof signal);
    if (signal == SIGSTOP || signal == SIGKILL)
      fail("core-{}.img: signal {} is queued, which no task can have", task_.pid, signal);
  }
  return to;
}

void RestorerPlan::plan_creds(pie::Creds& to, const CredsEntry& from) {
  static const proc::Status own = proc::read_status(getpid(), getpid());
  if (from.n_cap_prm > kBadCaps) fail("core-{}.img: impossible capabilities", task_.pid);
  to.change = same_creds(from, own) ? 0 : 1;
  to.uid = from.uid, to.euid = from.euid, to.suid = from.suid, to.fsuid = from.fsuid;
  to.gid = from.gid, to.egid = from.egid, to.sgid = from.sgid, to.fsgid = from.fsgid;
  to.securebits = from.secbits;
  to.no_new_privs = from.has_no_new_privs && from.no_new_privs != 0 ? 1 : 0;
  to.inh = capability_set(from.n_cap_inh, from.cap_inh);
  to.prm = capability_set(from.n_cap_prm, from.cap_prm);
  to.eff = capability_set(from.n_cap_eff, from.cap_eff);
  to.bnd = capability_set(from.n_cap_bnd, from.cap_bnd);
  to.amb = capability_set(from.n_cap_amb, from.cap_amb);
  auto* groups = area_->make<uint32_t>(from.n_groups);
  std::copy_n(from.groups, from.n_groups, groups);
  to.groups = groups;
  to.nr_groups = from.n_groups;
}

void RestorerPlan::plan_thread(pie::ThreadRequest& t, size_t i) {
  const CoreEntry& core = *task_.cores[i];
  const ThreadCoreEntry& e = *core.thread_core;
  t.args = args_;
  t.tid = task_.threads[i];
  t.stack_top = area_->stack_top(i);
  t.pdeath_signal = e.has_pdeath_sig ? e.pdeath_sig : 0;
  t.robust_list = e.futex_rla;
  t.robust_list_len = e.futex_rla_len;
  if (const RseqEntry* r = e.rseq_entry) {
    t.rseq = r->rseq_abi_pointer;
    t.rseq_size = r->rseq_abi_size;
    t.rseq_signature = r->signature;
  }
  t.altstack_flags = SS_DISABLE;
  if (const ThreadSasEntry* sas = e.sas) {
    t.altstack_sp = sas->ss_sp;
    t.altstack_size = sas->ss_size;
    t.altstack_flags = sas->ss_flags;
  }
  t.uses_tiles = arch::uses_tiles(*core.thread_info) ? 1 : 0;
  t.clear_tid_address = core.thread_info->clear_tid_addr;
  if (e.has_sched_policy) {
    t.set_sched = 1;
    t.sched.size = sizeof t.sched;
    t.sched.policy = e.sched_policy & ~pie::kSchedResetOnFork;
    if ((e.sched_policy & pie::kSchedResetOnFork) != 0) t.sched.flags = pie::kSchedFlagResetOnFork;
    t.nice = t.sched.nice = e.has_sched_nice ? e.sched_nice : 0;
    t.sched.priority = e.has_sched_prio ? e.sched_prio : 0;
    t.sched.runtime = e.has_sched_slice_ns ? e.sched_slice_ns : 0;
    if (e.has_sched_util_min && e.has_sched_util_max) {
      t.sched.flags |= pie::kSchedFlagUtilClamp;
      t.sched.util_min = e.sched_util_min, t.sched.util_max = e.sched_util_max;
    }
  }
  if (e.has_cpu_affinity) {
    auto* mask = area_->make<uint8_t>(e.cpu_affinity.len);
    std::copy_n(e.cpu_affinity.data, e.cpu_affinity.len, mask);
    t.affinity = mask;
    t.affinity_size = e.cpu_affinity.len;
  }
  t.io_priority = e.has_io_priority ? e.io_priority : 0;
  t.mce_kill = e.has_mce_kill ? static_cast<int32_t>(e.mce_kill) : -1;
  t.tsc_faults = e.has_tsc_faults && e.tsc_faults ? 1 : 0;
  t.io_flusher = e.has_io_flusher && e.io_flusher ? 1 : 0;
  t.policy = mm::plan_policy(*area_, e);
  t.timerslack = e.has_timerslack_ns ? e.timerslack_ns : 0;
  const char* comm = e.comm != nullptr ? e.comm : task_.core().comm;
  strncpy(t.comm, comm, sizeof t.comm - 1);
  plan_creds(t.creds, *e.creds);
  if (lends_admin(task_, i)) {
    t.creds.prm |= kAdmin;
    t.creds.eff |= kAdmin;
  }
  t.signals = queue(e.signals_p, t.nr_signals);
}

void RestorerPlan::plan_threads() {
  args_->nr_threads = task_.threads.size();
  args_->threads = area_->make<pie::ThreadRequest>(args_->nr_threads);
  for (size_t i = 0; i < args_->nr_threads; i++) plan_thread(args_->threads[i], i);
}

void RestorerPlan::plan_task() {
  const TaskCoreEntry& tc = task_.core();
  args_->personality = tc.personality;
  args_->signals = queue(tc.signals_s, args_->nr_signals);
  args_->child_subreaper = tc.has_child_subreaper && tc.child_subreaper ? 1 : 0;
  args_->xcomp = tc.has_xcomp_asked_for ? tc.xcomp_asked_for : 0;
  args_->membarrier = tc.has_membarrier_registration_mask ? tc.membarrier_registration_mask : 0;
  size_t next = 0;
  for (int sig = 1; sig <= static_cast<int>(pie::kSignals); sig++) {
    if (sig == SIGKILL || sig == SIGSTOP) continue;
    if (next == tc.n_sigactions) break;
    const SaEntry& e = *tc.sigactions[next++];
    args_->actions[sig - 1] = {e.sigaction, e.flags, e.restorer, e.mask};
    args_->set_action[sig - 1] = 1;
  }
}

void RestorerPlan::plan_timers() {
  const TaskTimersEntry* timers = task_.core().timers;
  if (timers == nullptr) return;
  const ItimerEntry* each[] = {timers->real, timers->virt, timers->prof};
  for (size_t i = 0; i < std::size(each); i++) {
    pie::ItimerValue& t = args_->itimers[i];
    t = {each[i]->isec, each[i]->iusec, each[i]->vsec, each[i]->vusec};
    // It has run out. The kernel starts a periodic one again when its signal is taken
    // (kernel/signal.c, dequeue_signal()), but not one that never ran: setitimer(2). Those of
    // processor time go on by themselves, and one of them that has nothing left does not run.
    if (i == ITIMER_REAL && t.value_sec == 0 && t.value_usec == 0) {
      t.value_sec = t.interval_sec;
      t.value_usec = t.interval_usec;
    }
  }
  std::vector<pie::PosixTimerRequest> posix;
  for (size_t i = 0; i < timers->n_posix; i++) {
    const PosixTimerEntry& e = *timers->posix[i];
    pie::PosixTimerRequest r{};
    r.id = static_cast<int32_t>(e.it_id);
    r.clock = static_cast<int32_t>(e.clock_id);
    r.sigval = e.sival_ptr;
    r.signal = static_cast<int32_t>(e.si_signo);
    r.notify = static_cast<int32_t>(e.it_sigev_notify);
    r.thread = e.has_notify_thread_id ? e.notify_thread_id : 0;
    r.interval_sec = e.isec, r.interval_nsec = e.insec, r.value_sec = e.vsec,
    r.value_nsec = e.vnsec;
    posix.push_back(r);
  }
  // Ids are given in ascending order.
  std::ranges::sort(posix, {}, &pie::PosixTimerRequest::id);
  args_->nr_timers = posix.size();
  args_->timers = area_->make<pie::PosixTimerRequest>(posix.size());
  std::copy(posix.begin(), posix.end(), args_->timers);
}

void RestorerPlan::plan_limits() {
  const TaskRlimitsEntry* limits = task_.core().rlimits;
  if (limits == nullptr) return;
  for (size_t i = 0; i < std::min<size_t>(limits->n_rlimits, std::size(args_->limits)); i++) {
    args_->limits[i] = {limits->rlimits[i]->cur, limits->rlimits[i]->max};
    rlimit now{};
    if (getrlimit(static_cast<__rlimit_resource>(i), &now) == 0 &&
        now.rlim_cur == limits->rlimits[i]->cur && now.rlim_max == limits->rlimits[i]->max)
      continue;
    args_->set_limits |= 1U << i;
  }
}

// Not that of a session that is not part of the tree: the shell's.
void RestorerPlan::plan_autogroup() {
  const TaskCoreEntry& tc = task_.core();
  if (!tc.has_autogroup_nice || task_.sid == s_.plan.outer_sid()) return;
  const std::string path = "/proc/self/autogroup";
  attributes_.push_back({path, open_path(path, O_WRONLY), std::to_string(tc.autogroup_nice)});
}

template <typename T>
const T* RestorerPlan::copy(const std::vector<T>& from, uint64_t& count) {
  count = from.size();
  T* const to = area_->make<T>(from.size());
  std::ranges::copy(from, to);
  return to;
}

void RestorerPlan::plan_files() {
  args_->thread_files = copy(s_.files.thread_files(), args_->nr_thread_files);
  args_->owners = copy(s_.files.owners(), args_->nr_owners);
  args_->locks = copy(locks_, args_->nr_locks);
}

void RestorerPlan::plan_attribute(const char* name, int64_t wanted, int base) {
  const std::string path = std::string("/proc/self/") + name;
  const std::optional<std::string> now = read_file_if_there(path);
  if (!now) {
    log::warn("task {}: {} could not be set to {}: {}", task_.pid, path, wanted, strerror(errno));
    return;
  }
  if (std::stoll(*now, nullptr, base) == wanted) return;
  attributes_.push_back({path, open_path(path, O_WRONLY), std::to_string(wanted)});
}

// A score below what the restoring process was born with takes CAP_SYS_RESOURCE, which a
// container's root may lack; an audit user once set may be there for good (AUDIT_SET_FEATURE): that
// is no reason to lose the task.
void RestorerPlan::write_attributes() const {
  for (const Attribute& a : attributes_)
    if (write(a.fd.get(), a.value.data(), a.value.size()) < 0)
      log::warn("task {}: {} could not be set to {}: {}", task_.pid, a.path, a.value,
                strerror(errno));
}

void RestorerPlan::seal() {
  TaskSlot& slot = s_.slots[index_];
  slot.area = args_->area;
  slot.area_size = args_->area_size;
  slot.syscall_ip_at = reinterpret_cast<uint64_t>(&args_->syscall_ip);
  args_->stages = area_->move_stages(s_.stages.shared());
}

}  // namespace criu
