// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/stop-signal.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <span>

#include "criu/base/error.h"
#include "criu/base/proc.h"

namespace criu {

namespace {

bool is_free(const CoreEntry& core, int sig) {
  return core.thread_core->has_blk_sigset && (core.thread_core->blk_sigset >> (sig - 1) & 1) == 0;
}

// Signals that the task would take before it stops: not those that it blocks.
bool would_take(const CoreEntry& core, const SignalQueueEntry* queue) {
  const auto signals =
      queue == nullptr ? std::span<SiginfoEntry*>() : std::span(queue->signals, queue->n_signals);
  return std::ranges::any_of(signals, [&](const SiginfoEntry* e) {
    int signal = 0;
    std::memcpy(&signal, e->siginfo.data, std::min(e->siginfo.len, sizeof signal));
    return signal > 0 && is_free(core, signal);
  });
}

// Whether a parent of the session, but not of the group, can continue it: kernel/exit.c,
// will_become_orphaned_pgrp(). These signals do not stop a task of which there is none.
bool is_orphaned(const TreePlan& plan, pid_t pgid) {
  return std::ranges::none_of(plan.tasks(), [&](const PlannedTask& member) {
    if (member.pgid != pgid || !member.lives()) return false;
    const auto parent = std::ranges::find(plan.tasks(), member.ppid, &PlannedTask::pid);
    if (parent != plan.tasks().end()) return parent->pgid != pgid && parent->sid == member.sid;
    const pid_t outside = proc::read_stat(member.pid, member.pid).ppid;
    return outside > 1 && getpgid(outside) != pgid && getsid(outside) == member.sid;
  });
}

}  // namespace

bool has_default_action(const TaskCoreEntry& tc, int sig) {
  // They are kept in the order of their numbers, without those that can have no handler.
  const size_t at =
      static_cast<size_t>(sig - 1 - (sig > SIGKILL ? 1 : 0) - (sig > SIGSTOP ? 1 : 0));
  return at < tc.n_sigactions && tc.sigactions[at]->sigaction == 0;
}

size_t taker_of(const PlannedTask& task, int sig) {
  const auto taker =
      std::ranges::find_if(task.cores, [&](const CoreEntry* core) { return is_free(*core, sig); });
  return sig == SIGSTOP || taker == task.cores.end()
             ? 0
             : static_cast<size_t>(taker - task.cores.begin());
}

int stop_signal(const TreePlan& plan, const PlannedTask& task) {
  const TaskCoreEntry& tc = task.core();
  if (task.role != PlannedTask::Role::kStopped || !tc.has_stop_signo) return SIGSTOP;
  const auto sig = static_cast<int>(tc.stop_signo);
  if (sig != SIGTSTP && sig != SIGTTIN && sig != SIGTTOU) return SIGSTOP;
  const bool queued = std::ranges::any_of(task.cores, [&](const CoreEntry* core) {
    return would_take(*core, tc.signals_s) || would_take(*core, core->thread_core->signals_p);
  });
  const bool taken =
      std::ranges::any_of(task.cores, [&](const CoreEntry* core) { return is_free(*core, sig); });
  const bool same =
      taken && !queued && has_default_action(tc, sig) && !is_orphaned(plan, task.pgid);
  return same ? sig : SIGSTOP;
}

}  // namespace criu
