// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/task-release.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <list>

#include "compel/memory.h"
#include "compel/tracee.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/task/keeper.h"
#include "criu/task/seccomp-restore.h"
#include "criu/task/stop-signal.h"
#include "criu/task/tracer-call.h"

namespace criu {

namespace {

// A thread that holds mutexes has its robust list, and the address that its end clears, from when
// nothing is left that could fail: the kernel would give the mutexes to others, as those of a dead
// owner, if the restore were undone.
void set_held_lists(const PlannedTask& task, const std::vector<compel::Tracee*>& threads,
                    const compel::Memory& memory, const ToldByRestorer& told) {
  for (size_t i = 0; i < threads.size(); i++) {
    const ThreadCoreEntry& e = *task.cores[i]->thread_core;
    robust_list_head head{};
    if (memory.read_some(e.futex_rla, &head, sizeof head) != sizeof head) continue;
    if (reinterpret_cast<uint64_t>(head.list.next) == e.futex_rla &&
        head.list_op_pending == nullptr)
      continue;
    call_from_restorer(*threads[i], told, SYS_set_robust_list, {e.futex_rla, e.futex_rla_len, 0},
                       "the robust list cannot be set");
    call_from_restorer(*threads[i], told, SYS_set_tid_address,
                       {task.cores[i]->thread_info->clear_tid_addr, 0, 0},
                       "the address to be cleared cannot be set");
  }
}

void set_registers(compel::Tracee& thread, const compel::Registers& regs) {
  thread.set_xstate(regs.xstate);
  thread.set_general(regs.general);
}

// A critical section of rseq(2) that CRIU has left to the kernel: that sees, when the thread goes
// on, where it is. The restorer's own code would have had it forgotten.
void set_section(const CoreEntry& core, compel::Memory& memory) {
  constexpr uint64_t kSectionOffset = 8;  // include/uapi/linux/rseq.h, rseq_cs of struct rseq
  const RseqEntry* r = core.thread_core->rseq_entry;
  if (r == nullptr || !r->has_rseq_cs_pointer) return;
  memory.write(r->rseq_abi_pointer + kSectionOffset, &r->rseq_cs_pointer,
               sizeof r->rseq_cs_pointer);
}

void set_mask(compel::Tracee& thread, const CoreEntry& core) {
  const ThreadCoreEntry& e = *core.thread_core;
  thread.set_blocked_signals(e.has_blk_sigset     ? e.blk_sigset
                             : core.tc != nullptr ? core.tc->blk_sigset
                                                  : 0);
}

// A living task, and what is needed to let it go.
struct Waiting {
  const PlannedTask* task;
  const TaskSlot* slot;
  std::vector<compel::Tracee*> threads;
  const compel::Registers* registers;  // of the first thread; the others' follow
};

void set_masks(const Waiting& w) {
  for (size_t k = 0; k < w.threads.size(); k++) set_mask(*w.threads[k], *w.task->cores[k]);
}

bool has_queued(const SignalQueueEntry* queue, int signal) {
  if (queue == nullptr) return false;
  return std::any_of(queue->signals, queue->signals + queue->n_signals, [&](const auto* e) {
    int number = 0;  // the first field of siginfo_t
    if (e->siginfo.len >= sizeof number) memcpy(&number, e->siginfo.data, sizeof number);
    return number == signal;
  });
}

bool has_queued(const PlannedTask& task, int signal) {
  return has_queued(task.core().signals_s, signal) ||
         std::ranges::any_of(task.cores, [&](const CoreEntry* core) {
           return has_queued(core->thread_core->signals_p, signal);
         });
}

// Its children were stopped by the restore, of which the kernel has told it again: by SIGCHLD, and
// in that it could wait for them. What it knew at the dump it is not to hear twice.
void forget_stops(const Waiting& parent, const std::vector<const Waiting*>& stopped,
                  compel::Memory& memory, const ToldByRestorer& told) {
  compel::Tracee& thread = *parent.threads.front();
  bool any = false;
  for (const Waiting* child : stopped) {
    if (child->task->ppid != parent.task->pid) continue;
    any = true;
    const bool was_told = child->task->role != PlannedTask::Role::kStopped ||
                          (child->task->core().has_stop_told && child->task->core().stop_told);
    if (was_told)
      try_from_restorer(thread, told, SYS_waitid,
                        {P_PID, static_cast<uint64_t>(child->task->pid), 0, WSTOPPED | WNOHANG, 0});
  }
  if (!any || has_queued(*parent.task, SIGCHLD)) return;
  const struct {
    uint64_t set;
    timespec at_once;
  } args{uint64_t{1} << (SIGCHLD - 1), {}};
  static_assert(sizeof args <= kLeastScratch);
  memory.write(told.scratch, &args, sizeof args);
  // There is none where the parent does not want to hear of stops (SA_NOCLDSTOP).
  try_from_restorer(
      thread, told, SYS_rt_sigtimedwait,
      {told.scratch, 0, told.scratch + offsetof(decltype(args), at_once), sizeof args.set, 0});
}

void stop(const TreePlan& plan, const Waiting& w) {
  const PlannedTask& task = *w.task;
  const int signal = stop_signal(plan, task);
  compel::Tracee& taker = *w.threads[taker_of(task, signal)];
  // Signals that wait for it to go on are not taken before.
  if (signal != SIGSTOP) set_masks(w);
  if (!taker.stop_group(signal)) taker.stop_group(SIGSTOP);
  for (compel::Tracee* thread : w.threads) thread->join_group_stop();
  if (signal == SIGSTOP) set_masks(w);
}

std::vector<Waiting> waiting_tasks(const TreePlan& plan, const TaskSlot* slots,
                                   const std::vector<compel::Registers>& registers,
                                   std::list<compel::Tracee>& threads) {
  std::vector<pid_t> tids;
  for (const PlannedTask& task : plan.tasks())
    if (task.lives()) tids.insert(tids.end(), task.threads.begin(), task.threads.end());
  threads = compel::Tracee::seize_all(tids, true);
  auto seized = threads.begin();
  const compel::Registers* next = registers.data();
  std::vector<Waiting> all;
  for (size_t i = 0; i < plan.tasks().size(); i++) {
    const PlannedTask& task = plan.tasks()[i];
    if (!task.lives()) continue;
    Waiting w{&task, &slots[i], {}, next};
    next += task.threads.size();
    for (size_t k = 0; k < task.threads.size(); k++, ++seized) {
      if (seized->state() != compel::Tracee::State::kAlive)
        fail("thread {} has ended while it was restored", seized->tid());
      w.threads.push_back(&*seized);
    }
    all.push_back(std::move(w));
  }
  return all;
}

// Stopped, with the registers they had at the dump, and without the restorer. Children come before
// their parents, which forget by means of their restorers that those were stopped.
void make_ready(const TreePlan& plan, const TaskSlot* slots,
                const std::vector<compel::Registers>& registers, bool leave_stopped,
                std::list<compel::Tracee>& threads) {
  const std::vector<Waiting> all = waiting_tasks(plan, slots, registers, threads);
  std::vector<const Waiting*> stopped;
  for (auto w = all.rbegin(); w != all.rend(); ++w) {
    const PlannedTask& task = *w->task;
    compel::Tracee& leader = *w->threads.front();
    compel::Memory memory(leader.tid());
    ToldByRestorer told{};
    memory.read(w->slot->syscall_ip_at, &told, sizeof told);
    if (told.held_lists != 0) set_held_lists(task, w->threads, memory, told);
    if (!stopped.empty()) forget_stops(*w, stopped, memory, told);
    restore_seccomp(task, w->threads, memory, told);
    call_from_restorer(leader, told, SYS_munmap, {w->slot->area, w->slot->area_size, 0},
                       "the restorer cannot be unmapped");
    for (size_t k = 0; k < w->threads.size(); k++) set_registers(*w->threads[k], w->registers[k]);
    for (const CoreEntry* core : task.cores) set_section(*core, memory);
    if (leave_stopped || task.role == PlannedTask::Role::kStopped) {
      stop(plan, *w);
      stopped.push_back(&*w);
    } else {
      set_masks(*w);
    }
  }
}

}  // namespace

void release_tasks(const TreePlan& plan, const TaskSlot* slots,
                   const std::vector<compel::Registers>& registers, bool leave_stopped,
                   Keeper& keeper) {
  std::list<compel::Tracee> threads;
  try {
    make_ready(plan, slots, registers, leave_stopped, threads);
  } catch (...) {
    // None may run, not even until the whole restore is undone.
    for (const PlannedTask& task : plan.tasks())
      if (task.lives()) kill(task.pid, SIGKILL);
    throw;
  }
  // Should this process be killed: up to here all tasks go with it (a single one is let go by one
  // system call),
  if (threads.size() > 1) keeper.begin(true);
  if (keeper.is_there())
    for (const compel::Tracee& t : threads) keeper.note_task(t.tid());
  for (compel::Tracee& t : threads) t.outlive_tracer();
  // and from here on all of them stay.
  keeper.dismiss();
  // Leaves first, as they were made last.
  while (!threads.empty()) {
    threads.back().detach();
    threads.pop_back();
  }
  log::debug("All tasks run");
}

}  // namespace criu
