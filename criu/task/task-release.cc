// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/task-release.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>

#include <cstddef>
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

}  // namespace

namespace {

// Stopped, with the registers they had at the dump, and without the restorer.
void make_ready(const TreePlan& plan, const TaskSlot* slots,
                const std::vector<compel::Registers>& registers, bool leave_stopped,
                std::list<compel::Tracee>& threads) {
  size_t next = 0;
  std::vector<std::vector<compel::Tracee*>> all;  // by task
  std::vector<pid_t> tids;
  for (const PlannedTask& task : plan.tasks())
    if (task.lives()) tids.insert(tids.end(), task.threads.begin(), task.threads.end());
  threads = compel::Tracee::seize_all(tids, true);
  auto seized = threads.begin();
  for (size_t i = 0; i < plan.tasks().size(); i++) {
    const PlannedTask& task = plan.tasks()[i];
    if (!task.lives()) continue;
    std::vector<compel::Tracee*> own;
    for (size_t k = 0; k < task.threads.size(); k++, ++seized) {
      if (seized->state() != compel::Tracee::State::kAlive)
        fail("thread {} has ended while it was restored", seized->tid());
      own.push_back(&*seized);
    }
    all.push_back(std::move(own));
  }
  auto own = all.begin();
  for (size_t i = 0; i < plan.tasks().size(); i++) {
    const PlannedTask& task = plan.tasks()[i];
    if (!task.lives()) continue;
    compel::Tracee& leader = *own->front();
    compel::Memory memory(leader.tid());
    ToldByRestorer told{};
    memory.read(slots[i].syscall_ip_at, &told, sizeof told);
    if (told.held_lists != 0) set_held_lists(task, *own, memory, told);
    restore_seccomp(task, *own, memory, told);
    call_from_restorer(leader, told, SYS_munmap, {slots[i].area, slots[i].area_size, 0},
                       "the restorer cannot be unmapped");
    for (compel::Tracee* thread : *own) set_registers(*thread, registers[next++]);
    for (const CoreEntry* core : task.cores) set_section(*core, memory);
    const bool is_stopped = leave_stopped || task.role == PlannedTask::Role::kStopped;
    const int signal = stop_signal(plan, task);
    // Signals that wait for it to go on are not taken before.
    if (is_stopped && signal == SIGSTOP) leader.stop_group();
    for (size_t k = 0; k < own->size(); k++) set_mask(*(*own)[k], *task.cores[k]);
    if (is_stopped && signal != SIGSTOP) kill(task.pid, signal);
    own++;
  }
}

}  // namespace

void release_tasks(const TreePlan& plan, const TaskSlot* slots,
                   const std::vector<compel::Registers>& registers, bool leave_stopped) {
  std::list<compel::Tracee> threads;
  try {
    make_ready(plan, slots, registers, leave_stopped, threads);
  } catch (...) {
    // None may run, not even until the whole restore is undone.
    for (const PlannedTask& task : plan.tasks())
      if (task.lives()) kill(task.pid, SIGKILL);
    throw;
  }
  // Should this process be killed: up to here all tasks go with it,
  std::vector<pid_t> tids;
  for (const compel::Tracee& t : threads) tids.push_back(t.tid());
  Keeper keeper(std::move(tids));
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
