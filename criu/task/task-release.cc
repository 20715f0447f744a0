// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/task-release.h"

#include <signal.h>
#include <sys/syscall.h>

#include <list>

#include "compel/memory.h"
#include "compel/tracee.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/task/keeper.h"
#include "criu/task/stop-signal.h"

namespace criu {

namespace {

constexpr auto kNoSyscall = static_cast<unsigned long>(-1);

// The leader makes the call from within the restorer, which is gone when it returns; it never gets
// to run there.
void unmap_restorer(compel::Tracee& leader, const TaskSlot& slot) {
  uint64_t syscall_ip = 0;
  compel::Memory(leader.tid()).read(slot.syscall_ip_at, &syscall_ip, sizeof syscall_ip);
  user_regs_struct r = leader.general();
  r.rip = syscall_ip;
  r.rax = SYS_munmap;
  r.rdi = slot.area;
  r.rsi = slot.area_size;
  r.orig_rax = kNoSyscall;
  leader.set_general(r);
  leader.run_to_syscall_stop();
  leader.run_to_syscall_stop();
  const auto ret = static_cast<int64_t>(leader.general().rax);
  if (ret != 0)
    fail("task {}: the restorer cannot be unmapped: {}", leader.tid(),
         strerror(static_cast<int>(-ret)));
}

void set_state(compel::Tracee& thread, const compel::Registers& regs, const CoreEntry& core) {
  user_regs_struct general = regs.general;
  general.orig_rax = kNoSyscall;
  thread.set_xstate(regs.xstate);
  thread.set_general(general);
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
  for (size_t i = 0; i < plan.tasks().size(); i++) {
    const PlannedTask& task = plan.tasks()[i];
    if (!task.lives()) continue;
    compel::Tracee* leader = nullptr;
    std::vector<compel::Tracee*> own;
    for (const pid_t tid : task.threads) {
      compel::Tracee& t = threads.emplace_back(compel::Tracee::seize(tid, true));
      if (t.state() != compel::Tracee::State::kAlive)
        fail("thread {} has ended while it was restored", tid);
      if (leader == nullptr) leader = &t;
      own.push_back(&t);
    }
    unmap_restorer(*leader, slots[i]);
    for (size_t k = 0; k < own.size(); k++) set_state(*own[k], registers[next++], *task.cores[k]);
    if (leave_stopped || task.role == PlannedTask::Role::kStopped)
      kill(task.pid, stop_signal(plan, task));
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
