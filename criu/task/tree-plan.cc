// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/tree-plan.h"

#include <algorithm>
#include <map>

#include "criu/base/error.h"
#include "criu/mm/vma.h"
#include "criu/task/session-plan.h"
#include "criu/task/spare-pids.h"

namespace criu {

namespace {

// task_core_entry.task_state
constexpr uint32_t kAlive = 1, kDead = 2, kStopped = 3;
constexpr uint32_t kLastSignal = 64;
constexpr uint32_t kMaxPid = 4194304;  // PID_MAX_LIMIT, include/linux/threads.h

pid_t checked_pid(uint32_t pid, const char* what) {
  if (pid == 0 || pid > kMaxPid) fail("pstree.img: {} is no {}", pid, what);
  return static_cast<pid_t>(pid);
}

}  // namespace

TreePlan::TreePlan(const Options& options, const image::Directory& dir, image::Arena& arena) {
  read_tree(dir, arena);
  for (PlannedTask& task : tasks_) read_task(task, dir, arena);
  arrange(options);
}

TreePlan::TreePlan(const Options& options, std::vector<PlannedTask> tasks)
    : tasks_(std::move(tasks)) {
  arrange(options);
}

void TreePlan::arrange(const Options& options) {
  find_outer(options);
  check_parents();
  add_group_helpers();
  plan_groups();
  plan_sessions(tasks_, outer_sid_);
  link_children();
  check_sharers(&PlannedTask::table_owner, "descriptor table");
  check_sharers(&PlannedTask::fs_owner, "working directory");
}

bool TreePlan::has(pid_t pid) const {
  return std::ranges::any_of(tasks_, [&](const PlannedTask& t) { return t.pid == pid; });
}

void TreePlan::read_tree(const image::Directory& dir, image::Arena& arena) {
  image::Reader img(dir, image::Kind::kPstree);
  std::set<pid_t> seen;
  while (const auto* e = img.next<PstreeEntry>(arena)) {
    PlannedTask t;
    t.pid = checked_pid(e->pid, "pid");
    t.ppid = static_cast<pid_t>(e->ppid);
    t.pgid = checked_pid(e->pgid, "process group");
    t.sid = checked_pid(e->sid, "session");
    for (size_t i = 0; i < e->n_threads; i++) {
      // The only thread is the leader; other writers leave a zombie's without a meaning.
      const uint32_t tid = e->n_threads == 1 ? e->pid : e->threads[i];
      t.threads.push_back(checked_pid(tid, "thread"));
      if (!seen.insert(t.threads.back()).second)
        fail("pstree.img: thread {} is there twice", t.threads.back());
    }
    if (t.threads.empty() || t.threads.front() != t.pid)
      fail("pstree.img: the threads of task {} do not begin with itself", t.pid);
    if (tasks_.empty() ? t.ppid != 0 : !has(t.ppid))
      fail("pstree.img: task {} has no parent in the tree", t.pid);
    tasks_.push_back(std::move(t));
  }
  if (tasks_.empty()) fail("pstree.img holds no task");
}

void TreePlan::read_seccomp(PlannedTask& t, const image::Directory& dir, image::Arena& arena) {
  t.filters.resize(t.cores.size());
  for (size_t i = 0; i < t.cores.size(); i++) {
    const ThreadCoreEntry& e = *t.cores[i]->thread_core;
    if (t.cores[i]->tc != nullptr && t.cores[i]->tc->old_seccomp_mode != SECCOMP_MODE__disabled)
      fail("core-{}.img: seccomp is stored as old versions of CRIU did: not supported yet",
           t.threads[i]);
    if (e.seccomp_mode == SECCOMP_MODE__disabled || e.seccomp_mode == SECCOMP_MODE__strict)
      continue;
    if (e.seccomp_mode != SECCOMP_MODE__filter || !e.has_seccomp_filter)
      fail("core-{}.img: mode {} of seccomp, without a filter", t.threads[i],
           static_cast<int>(e.seccomp_mode));
    if (!seccomp_) seccomp_.emplace(dir, arena);
    t.filters[i] = seccomp_->chain(e.seccomp_filter, t.threads[i]);
  }
}

// They lie in mappings, and stand beside them in the image.
void TreePlan::take_guards(PlannedTask& t, MmEntry& mm) {
  const auto all = std::span(mm.vmas, mm.n_vmas);
  const auto guards = std::ranges::stable_partition(
      all, [](const VmaEntry* v) { return (v->status & mm::kAreaGuard) == 0; });
  t.guards.assign(guards.begin(), guards.end());
  mm.n_vmas -= guards.size();
}

void TreePlan::read_task(PlannedTask& t, const image::Directory& dir, image::Arena& arena) {
  for (const pid_t tid : t.threads) {
    const auto* core =
        image::read_single<CoreEntry>(dir, image::Kind::kCore, static_cast<uint64_t>(tid), arena);
    if (core->mtype != CORE_ENTRY__MARCH__X86_64)
      fail("core-{}.img is of another processor architecture", tid);
    t.cores.push_back(core);
  }
  if (t.cores.front()->tc == nullptr) fail("core-{}.img does not describe a task", t.pid);
  if (t.core().has_exit_signal) {
    if (t.core().exit_signal > kLastSignal)
      fail("core-{}.img: {} is no signal", t.pid, t.core().exit_signal);
    t.exit_signal = static_cast<int>(t.core().exit_signal);
  }
  const uint32_t state = t.core().task_state;
  if (state == kDead) {
    t.role = PlannedTask::Role::kZombie;
    return;
  }
  if (state != kAlive && state != kStopped) fail("core-{}.img: {} is no task state", t.pid, state);
  t.role = state == kStopped ? PlannedTask::Role::kStopped : PlannedTask::Role::kAlive;
  for (size_t i = 0; i < t.cores.size(); i++)
    if (t.cores[i]->thread_info == nullptr || t.cores[i]->thread_core == nullptr ||
        t.cores[i]->thread_core->creds == nullptr)
      fail("core-{}.img is incomplete", t.threads[i]);
  read_seccomp(t, dir, arena);
  const auto pid = static_cast<uint64_t>(t.pid);
  auto* mm = image::read_single<MmEntry>(dir, image::Kind::kMm, pid, arena);
  take_guards(t, *mm);
  t.mm = mm;
  t.fs = image::read_single<FsEntry>(dir, image::Kind::kFs, pid, arena);
  t.ids = image::read_single<TaskKobjIdsEntry>(dir, image::Kind::kIds, pid, arena);
  t.table_owner = first_with(&TaskKobjIdsEntry::files_id, t);
  if (t.table_owner == 0) read_table(t, dir, arena);
  // Who writes no ids of it leaves a 0.
  if (t.ids->fs_id != 0) t.fs_owner = first_with(&TaskKobjIdsEntry::fs_id, t);
  if (t.fs_owner != 0) check_shared_umask(t);
}

// A task before this one that has that id, too; 0: there is none.
pid_t TreePlan::first_with(uint32_t TaskKobjIdsEntry::*id, const PlannedTask& task) const {
  for (const PlannedTask& other : tasks_) {
    if (&other == &task) break;
    if (other.ids != nullptr && other.ids->*id == task.ids->*id) return other.pid;
  }
  return 0;
}

void TreePlan::check_shared_umask(const PlannedTask& t) {
  const FsEntry& owners = *find(t.fs_owner).fs;
  if (owners.has_umask != t.fs->has_umask || owners.umask != t.fs->umask)
    fail("fs-{}.img: the umask is not that of task {}, which shares it", t.pid, t.fs_owner);
}

void TreePlan::read_table(PlannedTask& t, const image::Directory& dir, image::Arena& arena) {
  image::Reader table(dir, image::Kind::kFdinfo, t.ids->files_id);
  while (const auto* e = table.next<FdinfoEntry>(arena)) {
    constexpr uint32_t kMaxFd = 1 << 30;
    if (e->fd > kMaxFd) fail("{}: {} is no descriptor", table.name(), e->fd);
    t.table.push_back({e->fd, e->flags, e->type, e->id});
  }
}

void TreePlan::find_outer(const Options& options) {
  const PlannedTask& root = tasks_.front();
  if (!has(root.sid)) {
    if (!options.shell_job)
      fail("the tree was started from a shell (its session is {}): use --shell-job", root.sid);
    outer_sid_ = root.sid;
    if (!has(root.pgid)) outer_pgid_ = root.pgid;
  } else if (root.sid != root.pid) {
    fail("pstree.img: the root's session, {}, is that of another task in the tree", root.sid);
  }
}

PlannedTask& TreePlan::find(pid_t pid) {
  return *std::ranges::find(tasks_, pid, &PlannedTask::pid);
}

void TreePlan::check_parents() {
  for (size_t i = 1; i < tasks_.size(); i++)
    if (!find(tasks_[i].ppid).lives())
      fail("pstree.img: the dead task {} has a child", tasks_[i].ppid);
}

// A group whose leader has gone gets a helper for a leader, made by a living member. One that has
// dead members only gets it from where they come from. (One led by a session's leader that has gone
// gets that.)
void TreePlan::add_group_helpers() {
  std::vector<PlannedTask> helpers;
  for (const PlannedTask& t : tasks_) {
    if (t.pgid == outer_pgid_ || t.pgid == t.sid || has(t.pgid)) continue;
    if (std::ranges::find(helpers, t.pgid, &PlannedTask::pid) != helpers.end()) continue;
    const auto member = std::ranges::find_if(
        tasks_, [&](const PlannedTask& m) { return m.pgid == t.pgid && m.lives(); });
    PlannedTask h;
    h.role = PlannedTask::Role::kHelper;
    h.pid = h.pgid = t.pgid;
    h.ppid = member != tasks_.end() ? member->pid : t.ppid;
    h.sid = t.sid;
    h.threads = {h.pid};
    helpers.push_back(std::move(h));
  }
  for (PlannedTask& h : helpers) tasks_.push_back(std::move(h));
}

void TreePlan::plan_groups() {
  std::map<pid_t, pid_t> sessions;  // by group
  for (const PlannedTask& t : tasks_)
    if (sessions.try_emplace(t.pgid, t.sid).first->second != t.sid)
      fail("pstree.img: process group {} is in two sessions", t.pgid);
  for (PlannedTask& t : tasks_) {
    const auto group = sessions.find(t.pid);
    t.leads_group = group != sessions.end();
    if (t.leads_group && group->second != t.sid)
      fail("pstree.img: process group {} is not in the session of the task that led it", t.pid);
  }
  for (size_t i = 0; i < tasks_.size(); i++) {
    if (!tasks_[i].has_left_own_group() || set_group_round(tasks_[i], 0)) continue;
    hold_group(i);
    set_group_round(tasks_[i], 0);
  }
}

// A helper stands for the member that once was in the group while its leader left it.
void TreePlan::hold_group(size_t leader) {
  const PlannedTask& t = tasks_[leader];
  PlannedTask h;
  h.role = PlannedTask::Role::kHelper;
  h.pid = SparePids(tasks_).take();
  h.pgid = t.pid;
  h.ppid = t.lives() ? t.pid : t.ppid;
  h.sid = t.sid;
  h.threads = {h.pid};
  tasks_.push_back(std::move(h));
}

// A group of which all members have left another one exists as long as who led it is there. Where
// each of some had to wait for the others, this does not end: false.
bool TreePlan::set_group_round(PlannedTask& task, size_t depth) {
  if (depth > tasks_.size()) return false;
  if (task.group_round != 0) return true;
  const auto is_of_it = [&](const PlannedTask& t) { return t.pgid == task.pid; };
  // By one that joins it before anybody leaves a group.
  const bool is_held = std::ranges::any_of(
      tasks_, [&](const PlannedTask& t) { return is_of_it(t) && !t.has_left_own_group(); });
  unsigned last = 0;
  for (PlannedTask& member : tasks_) {
    if (is_held || !is_of_it(member)) continue;
    if (!set_group_round(member, depth + 1)) return false;
    last = std::max(last, member.group_round);
  }
  task.group_round = last + 1;
  return true;
}

void TreePlan::link_children() {
  std::map<pid_t, size_t> by_pid;
  for (size_t i = 0; i < tasks_.size(); i++) by_pid[tasks_[i].pid] = i;
  for (size_t i = 1; i < tasks_.size(); i++) {
    const PlannedTask& t = tasks_[i];
    tasks_[by_pid.at(t.maker != 0 ? t.maker : t.ppid)].children.push_back(i);
  }
  std::vector<size_t> made = {0};
  for (size_t i = 0; i < made.size(); i++)
    made.insert(made.end(), tasks_[made[i]].children.begin(), tasks_[made[i]].children.end());
  if (made.size() != tasks_.size())
    fail("pstree.img: each of two orphans could only be made by who descends from the other");
}

// A task has what its maker has, or one of its own.
void TreePlan::check_sharers(Owner owner, const char* what) {
  for (const PlannedTask& t : tasks_) {
    const pid_t first = t.*owner;
    if (first == 0) continue;
    const bool from_parent = t.ppid == first || (has(t.ppid) && find(t.ppid).*owner == first);
    if (!from_parent || t.maker != 0)
      fail(
          "tasks {} and {} share their {} (clone without fork), and the parent of the second one "
          "does not: not supported yet",
          first, t.pid, what);
  }
}

bool TreePlan::shares(Owner owner) const {
  return std::ranges::any_of(tasks_, [&](const PlannedTask& t) { return t.*owner != 0; });
}

size_t TreePlan::count_living() const {
  return static_cast<size_t>(std::ranges::count_if(tasks_, &PlannedTask::lives));
}

unsigned TreePlan::count_rounds(unsigned PlannedTask::*round) const {
  return (*std::ranges::max_element(tasks_, {}, round)).*round;
}

bool TreePlan::is_made_by_helper(const PlannedTask& task) const {
  if (task.maker == 0) return false;
  const auto maker = std::ranges::find(tasks_, task.maker, &PlannedTask::pid);
  return task.as_sibling ? is_made_by_helper(*maker) : maker->role == PlannedTask::Role::kHelper;
}

size_t TreePlan::count_after(unsigned adoption_round) const {
  return static_cast<size_t>(std::ranges::count_if(tasks_, [&](const PlannedTask& t) {
    return t.role != PlannedTask::Role::kHelper || t.adoption_round > adoption_round;
  }));
}

std::set<int> TreePlan::used_fds() const {
  std::set<int> used;
  for (const PlannedTask& t : tasks_)
    for (const files::TableEntry& e : t.table) used.insert(static_cast<int>(e.fd));
  return used;
}

}  // namespace criu
