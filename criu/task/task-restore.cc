// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/task-restore.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/sched.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"
#include "criu/task/restorer-plan.h"

namespace criu {

namespace {

using Role = PlannedTask::Role;

// Ends the calling process as a zombie's wait status says.
[[noreturn]] void die(uint32_t status) {
  if (WIFEXITED(status)) _exit(WEXITSTATUS(status));
  const int sig = WTERMSIG(status);
  const rlimit no_core{0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  signal(sig, SIG_DFL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, sig);
  kill(getpid(), sig);
  sigprocmask(SIG_UNBLOCK, &set, nullptr);
  _exit(1);
}

// Who stands in the way of a task with that pid.
std::string who_has(pid_t pid) {
  try {
    const proc::Stat stat = proc::read_stat(pid, pid);
    if (stat.state == 'Z' || stat.state == 'X')
      return fmt::format(
          "the pid is that of a dead task ({}) that its parent {} has not reaped yet", stat.comm,
          stat.ppid);
    return fmt::format("the pid is taken by another task ({})", stat.comm);
  } catch (const Error&) {
    return "the number is in use for a thread, a process group or a session";
  }
}

// How long a number is waited for whose owner is dead.
constexpr int kFreeRounds = 500;
constexpr useconds_t kFreePauseUs = 1000;

bool lives_no_more(pid_t pid) {
  const auto stat = read_file_if_there(proc::path(pid, "stat"));
  return !stat || stat->find(") Z ") != std::string::npos ||
         stat->find(") X ") != std::string::npos;
}

// clone3(2). The number may still be that of the group or of the session of one that is about to be
// gone, of which nothing tells.
long clone_when_free(clone_args& args, pid_t pid) {
  for (int i = 0;; i++) {
    const long rc = syscall(SYS_clone3, &args, sizeof args);
    if (rc >= 0 || errno != EEXIST) return rc;
    if (i == kFreeRounds || !lives_no_more(pid)) {
      errno = EEXIST;
      return rc;
    }
    usleep(kFreePauseUs);
  }
}

class TaskRestore {
 public:
  TaskRestore(RestoreSession& session, size_t index)
      : s_(session), index_(index), task_(session.plan.tasks()[index]) {}

  [[noreturn]] void run() {
    __atomic_store_n(&s_.slots[index_].created, 1, __ATOMIC_SEQ_CST);
    log::set_pid(task_.pid);
    if (index_ == 0) log::note_clock_shift(s_.clock_shift);  // the others inherit it
    try {
      block_signals();
      end_with_maker();
      if (index_ == 0) shed_inherited();
      adopt_from(1);
      if (task_.lives()) settle_memory();
      create_children(true);
      if (task_.sid == task_.pid) start_session();
      create_children(false);
      if (task_.leads_group && task_.sid != task_.pid) join_group(task_.pid);
      s_.stages.done(pie::kCreate);
      join_groups();
      if (leads_session()) s_.files.settle_groups(task_.pid);
      if (task_.role == Role::kHelper && task_.adoption_round == 0) _exit(0);
      leave_orphans();
      if (task_.role == Role::kZombie) end_as_zombie();
      settle_children();
      restore_files();
      plan_->write_attributes();
      enter_restorer();
    } catch (const std::exception& e) {
      log::error("task {}: {}", task_.pid, e.what());
    }
    s_.stages.abort();
    _exit(1);
  }

 private:
  // What criu was started with, of which images say nothing where a task had nothing of it. All
  // other tasks get it from the root.
  static void shed_inherited() {
    cpu_set_t all;
    memset(&all, 0xff, sizeof all);
    sched_setaffinity(0, sizeof all, &all);
    constexpr int kIoprioWhoProcess = 1;  // linux/ioprio.h
    constexpr int kIoprioClassShift = 13;
    // To set it makes an I/O context, which the task had not.
    if (syscall(SYS_ioprio_get, kIoprioWhoProcess, 0) >> kIoprioClassShift != 0)
      syscall(SYS_ioprio_set, kIoprioWhoProcess, 0, 0);
    prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0);
    constexpr int kSetMemoryMerge = 67;  // PR_SET_MEMORY_MERGE, since Linux 6.4
    prctl(kSetMemoryMerge, 0, 0, 0, 0);
    prctl(PR_MCE_KILL, PR_MCE_KILL_CLEAR, 0, 0, 0);
    if (prctl(PR_GET_IO_FLUSHER, 0, 0, 0, 0) == 1) prctl(PR_SET_IO_FLUSHER, 0, 0, 0, 0);
    syscall(SYS_set_mempolicy, MPOL_DEFAULT, nullptr, 0);
  }

  // Should criu be killed, all that is half made ends with it, the root first. Those whose maker is
  // a helper, which ends before, look for themselves. The restorer sets what the task had.
  void end_with_maker() const {
    const bool by_another = index_ == 0 && s_.options.restore_sibling;
    if (!s_.plan.is_made_by_helper(task_) && !by_another) prctl(PR_SET_PDEATHSIG, SIGKILL);
  }

  // All but SIGCHLD, which is thrown away as long as it is neither blocked nor handled: of children
  // that end on the way to becoming zombies again nobody is to hear. The same for those that send
  // another signal; not by the libc, which keeps two of them for itself.
  void block_signals() const {
    signal(SIGCHLD, SIG_DFL);
    uint64_t blocked = ~signal_bit(SIGCHLD);
    for (const PlannedTask& child : s_.plan.tasks()) {
      if (child.ppid != task_.pid || child.role != Role::kZombie) continue;
      if (child.exit_signal == 0 || child.exit_signal == SIGCHLD) continue;
      const pie::SigAction ignore{reinterpret_cast<uint64_t>(SIG_IGN), 0, 0, 0};
      if (syscall(SYS_rt_sigaction, child.exit_signal, &ignore, nullptr, sizeof blocked) < 0)
        fail_errno("cannot ignore signal {}, that of the dead child {}", child.exit_signal,
                   child.pid);
      blocked &= ~signal_bit(child.exit_signal);
    }
    syscall(SYS_rt_sigprocmask, SIG_SETMASK, &blocked, nullptr, sizeof blocked);
  }
  static uint64_t signal_bit(int signal) { return 1ULL << (signal - 1); }

  bool leads_session() const { return task_.sid == task_.pid && task_.lives(); }

  void start_session() {
    if (setsid() < 0) fail_errno("cannot start session {}", task_.sid);
    if (leads_session()) s_.files.settle_session(task_.pid);
  }

  void settle_memory() {
    mm::InheritedMemory::Counts& pages = s_.slots[index_].pages;
    pages = s_.inherited.settle(index_, s_.dir,
                                [this](uint32_t id) { return s_.files.open_place(id); });
    if (pages.compared != 0)
      log::debug("Of {} inherited pages {} stay in common", pages.compared, pages.skipped);
  }

  void create_children(bool before_setsid) {
    for (const size_t child : task_.children)
      if (s_.plan.tasks()[child].before_setsid == before_setsid) create_task(s_, child, false);
  }

  void join_groups() const {
    if (task_.group_round == 0) join_group(task_.pgid);
    s_.stages.done(pie::kGroups);
    for (unsigned round = 1; round <= s_.plan.group_rounds(); round++) {
      if (task_.group_round == round) join_group(task_.pgid);
      s_.stages.done(pie::in_round(pie::kGroupsLeft, round));
    }
  }

  void join_group(pid_t pgid) const {
    // The shell's group is the one this process came with.
    if (pgid == s_.plan.outer_pgid() || pgid == getpgrp()) return;
    if (setpgid(0, pgid) < 0) fail_errno("cannot join process group {}", pgid);
  }

  [[noreturn]] void end_as_zombie() const {
    prctl(PR_SET_NAME, task_.core().comm);
    die(task_.core().exit_code);
  }

  void adopt_from(unsigned round) const {
    if (task_.lives() && task_.adoption_round == round) prctl(PR_SET_CHILD_SUBREAPER, 1);
  }

  // A helper does not return from its round.
  void leave_orphans() const {
    for (unsigned round = 1; round <= s_.plan.adoption_rounds(); round++) {
      if (round > 1) {
        adopt_from(round);
        s_.stages.done(pie::in_round(pie::kAdopters, round));
      }
      if (task_.role == Role::kHelper && task_.adoption_round == round) _exit(0);
      await_children(Role::kHelper, round);
      s_.stages.done(pie::in_round(pie::kOrphansLeft, round));
    }
  }

  // Helpers are reaped; those that are to be zombies become so.
  void settle_children() const {
    await_children(Role::kHelper, 0);
    await_children(Role::kZombie, 0);
    if (task_.adoption_round != 0) prctl(PR_SET_CHILD_SUBREAPER, 0);
  }

  void await_children(Role role, unsigned round) const {
    for (const PlannedTask& child : s_.plan.tasks()) {
      if (child.ppid != task_.pid || child.role != role || child.adoption_round != round) continue;
      siginfo_t info{};
      const int keep = role == Role::kZombie ? WNOWAIT : 0;
      if (waitid(P_PID, static_cast<id_t>(child.pid), &info, WEXITED | __WALL | keep) < 0)
        fail_errno("cannot wait for the end of task {}", child.pid);
    }
  }

  // In a table that is shared no number is safe while its owner puts its descriptors in place.
  void restore_files() {
    const bool shared = s_.plan.shares_tables(), is_others = task_.table_owner != 0;
    if (shared) s_.stages.done(pie::kTableLeft);
    if (shared && is_others) s_.stages.done(pie::kTables);
    const bool moves = task_.fs_owner == 0;
    UniqueFd cwd, root;
    if (moves) cwd = s_.files.open_place(task_.fs->cwd_id);
    if (moves) root = s_.files.open_place(task_.fs->root_id);
    if (!is_others) s_.files.restore_table(task_.pid, task_.table);
    if (shared && !is_others) s_.stages.done(pie::kTables);
    // What the restorer needs is opened while paths still mean what they meant to the dump.
    plan_ = std::make_unique<RestorerPlan>(s_, index_);
    if (s_.plan.shares_fs()) s_.stages.done(pie::kPaths);
    if (moves) move_to(cwd.get(), root.get());
  }

  // Those that share them come along.
  void move_to(int cwd, int root) const {
    struct stat now {
    }, wanted{};
    if (stat("/", &now) < 0 || fstat(root, &wanted) < 0) fail_errno("cannot examine /");
    if (now.st_dev != wanted.st_dev || now.st_ino != wanted.st_ino)
      if (fchdir(root) < 0 || chroot(".") < 0) fail_errno("cannot change the root directory");
    if (fchdir(cwd) < 0) fail_errno("cannot change the working directory");
    if (task_.fs->has_umask) umask(task_.fs->umask);
  }

  [[noreturn]] void enter_restorer() {
    RestorerPlan& plan = *plan_;
    plan.seal();
    asm volatile(
        "mov %0, %%rsp\n\t"
        "jmp *%1"
        :
        : "r"(plan.stack()), "r"(plan.entry()), "D"(plan.args())
        : "memory");
    __builtin_unreachable();
  }

  RestoreSession& s_;
  size_t index_;
  const PlannedTask& task_;
  std::unique_ptr<RestorerPlan> plan_;
};

}  // namespace

void check_pid_is_free(pid_t pid) {
  const auto is_there = [&] { return kill(pid, 0) == 0 || errno != ESRCH; };
  for (int i = 0; i < kFreeRounds && is_there() && lives_no_more(pid); i++) usleep(kFreePauseUs);
  if (is_there()) fail("cannot make task {}: {}", pid, who_has(pid));
}

void create_task(RestoreSession& session, size_t index, bool as_sibling) {
  const PlannedTask& task = session.plan.tasks()[index];
  pid_t pid = task.pid;
  clone_args args{};
  const bool sibling = as_sibling || task.as_sibling;
  args.flags = sibling ? CLONE_PARENT : 0;
  if (task.table_owner != 0) args.flags |= CLONE_FILES;
  if (task.fs_owner != 0) args.flags |= CLONE_FS;
  // A sibling takes that of the calling process. The root's was between it and a parent that it has
  // no longer, as for any child that is given to another (kernel/exit.c, reparent_leader()).
  const int exit_signal = index == 0 ? SIGCHLD : task.exit_signal;
  args.exit_signal = sibling ? 0 : static_cast<uint64_t>(exit_signal);
  args.set_tid = reinterpret_cast<uint64_t>(&pid);
  args.set_tid_size = 1;
  const long rc = clone_when_free(args, pid);
  if (rc == 0) TaskRestore(session, index).run();
  if (rc < 0 && errno == EEXIST) fail("cannot make task {}: {}", task.pid, who_has(task.pid));
  if (rc < 0) fail_errno("cannot make task {}", task.pid);
  log::debug("Made task {}", task.pid);
}

}  // namespace criu
