// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/frozen-tree.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "compel/error.h"
#include "criu/base/error.h"
#include "criu/base/log.h"

namespace criu {

namespace {

// A tree that forks faster than it can be seized is given up after this many rounds.
constexpr int kMaxRounds = 64;
constexpr uint32_t kKernelThread = 0x00200000;  // PF_KTHREAD, include/linux/sched.h

// Seizes a thread; what makes that impossible is told by name.
compel::Tracee seize(pid_t pid, pid_t tid) {
  if (pid == getpid())
    fail("criu itself (task {}) is part of the tree: start it from outside of the tree", pid);
  try {
    return compel::Tracee::seize(tid);
  } catch (const compel::Error&) {
    if ((proc::read_stat(pid, tid).flags & kKernelThread) != 0)
      fail("task {} is a kernel thread: it cannot be dumped", pid);
    if (const pid_t tracer = proc::read_status(pid, tid).tracer; tracer != 0 && tracer != getpid())
      fail("task {} is traced by {} already: end its debugger first", pid, tracer);
    throw;
  }
}

}  // namespace

FrozenTree::FrozenTree(pid_t root) {
  add(root);
  if (tasks_.empty()) fail("there is no task {}", root);
  if (tasks_.front().is_zombie()) fail("task {} is a zombie: there is nothing to dump", root);
  // A task that was seized cannot fork any more; one that was not may have, and may have given its
  // children to another (orphans): look until nothing new turns up.
  for (int round = 0; add_missing_children(); round++)
    if (round == kMaxRounds) fail("the tree of task {} grows faster than it can be stopped", root);
  for (FrozenTask& t : tasks_) t.stat = proc::read_stat(t.pid, t.pid);
}

bool FrozenTree::has(pid_t pid) const {
  return std::ranges::any_of(tasks_, [&](const FrozenTask& t) { return t.pid == pid; });
}

void FrozenTree::add(pid_t pid) {
  compel::Tracee leader = seize(pid, pid);
  if (leader.state() == compel::Tracee::State::kGone) return;
  FrozenTask task;
  task.pid = pid;
  if (leader.state() == compel::Tracee::State::kZombie) {
    if (proc::read_stat(pid, pid).num_threads > 1)
      fail("the main thread of task {} has exited, its other threads have not: not supported yet",
           pid);
  } else {
    task.threads.push_back(std::make_unique<compel::Tracee>(std::move(leader)));
    add_threads(task);
  }
  log::debug("Seized task {}, {} threads", pid, task.threads.size());
  tasks_.push_back(std::move(task));
}

void FrozenTree::add_threads(FrozenTask& task) {
  for (int round = 0;; round++) {
    if (round == kMaxRounds)
      fail("task {} makes threads faster than they can be stopped", task.pid);
    bool grew = false;
    for (const pid_t tid : proc::list_threads(task.pid)) {
      if (std::ranges::any_of(task.threads, [&](const auto& t) { return t->tid() == tid; }))
        continue;
      compel::Tracee thread = seize(task.pid, tid);
      if (thread.state() != compel::Tracee::State::kAlive) continue;
      task.threads.push_back(std::make_unique<compel::Tracee>(std::move(thread)));
      grew = true;
    }
    if (!grew) return;
  }
}

bool FrozenTree::add_missing_children() {
  bool grew = false;
  for (size_t i = 0; i < tasks_.size(); i++) {
    if (tasks_[i].is_zombie()) continue;
    for (const pid_t child : proc::list_children(tasks_[i].pid)) {
      if (has(child)) continue;
      add(child);
      grew = true;
    }
  }
  return grew;
}

const FrozenTask* FrozenTree::killed() const {
  for (const FrozenTask& t : tasks_)
    if (std::ranges::any_of(t.threads, [](const auto& thread) { return thread->was_killed(); }))
      return &t;
  return nullptr;
}

void FrozenTree::kill() {
  // Leaves first, so that nobody is told of a child's end, nor inherits one.
  for (auto it = tasks_.rbegin(); it != tasks_.rend(); ++it) {
    for (auto& thread : it->threads) thread->forget();
    if (it->is_zombie()) continue;
    ::kill(it->pid, SIGKILL);
    // A traced task is seen to its end by its tracer; its parent reaps it afterwards. The leader
    // ends when the last other thread has been seen to.
    for (auto thread = it->threads.rbegin(); thread != it->threads.rend(); ++thread) {
      int status = 0;
      while (waitpid((*thread)->tid(), &status, __WALL) > 0 && WIFSTOPPED(status)) continue;
    }
  }
}

void FrozenTree::leave_stopped() {
  for (const FrozenTask& t : tasks_)
    if (!t.is_zombie()) ::kill(t.pid, SIGSTOP);
}

}  // namespace criu
