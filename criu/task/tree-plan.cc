// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/tree-plan.h"

#include <sys/wait.h>

#include <algorithm>
#include <map>

#include "criu/base/error.h"
#include "criu/mm/vma.h"

namespace criu {

namespace {

// task_core_entry.task_state
constexpr uint32_t kAlive = 1, kDead = 2, kStopped = 3;
constexpr pid_t kAnySession = 0;
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
  give_orphans_makers();
  add_session_helpers();
  add_group_helpers();
  link_children();
  check_sharers(&PlannedTask::table_owner, "descriptor table");
  check_sharers(&PlannedTask::fs_owner, "working directory");
  plan_sessions();
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
  }
}

PlannedTask& TreePlan::find(pid_t pid) {
  return *std::ranges::find(tasks_, pid, &PlannedTask::pid);
}

// Whether a child of that parent may be of the session: of the parent's own, or of the one that the
// parent itself had come from when it was made.
bool TreePlan::can_be_born_into(const PlannedTask& parent, pid_t sid) {
  if (parent.sid == sid) return true;
  if (parent.sid != parent.pid) return false;
  return parent.ppid == 0 ? sid == outer_sid_ : can_be_born_into(find(parent.ppid), sid);
}

// The parent of a task has ended, and it was left to a subreaper, which is not of its session. The
// leader of the session can make it if it is a child of the subreaper, too.
void TreePlan::give_orphans_makers() {
  for (PlannedTask& t : tasks_) {
    if (t.ppid == 0 || t.sid == t.pid || !has(t.sid)) continue;
    if (can_be_born_into(find(t.ppid), t.sid)) continue;
    const PlannedTask& leader = find(t.sid);
    // A sibling's exit signal is that of its maker (clone(2) CLONE_PARENT).
    if (leader.ppid != t.ppid || leader.exit_signal != t.exit_signal) continue;
    t.maker = leader.pid;
    t.as_sibling = true;
  }
}

// A session whose leader has gone: its members had been left to a subreaper in the tree. A helper
// leads the session, makes those of them whose parents are not of it, and by its end leaves them
// again.
void TreePlan::add_session_helpers() {
  std::vector<PlannedTask> helpers;
  for (PlannedTask& t : tasks_) {
    if (t.sid == outer_sid_ || has(t.sid) || t.ppid == 0) continue;
    if (find(t.ppid).sid == t.sid) continue;
    auto helper = std::ranges::find(helpers, t.sid, &PlannedTask::pid);
    if (helper == helpers.end()) {
      PlannedTask h;
      h.role = PlannedTask::Role::kHelper;
      h.pid = h.pgid = h.sid = t.sid;
      h.ppid = t.ppid;
      h.threads = {h.pid};
      helper = helpers.insert(helpers.end(), std::move(h));
      find(t.ppid).adopts = true;
    }
    if (helper->ppid != t.ppid)
      fail(
          "the members of session {}, whose leader is gone, have several parents: not supported "
          "yet",
          t.sid);
    t.maker = helper->pid;
  }
  for (PlannedTask& h : helpers) tasks_.push_back(std::move(h));
}

// A group whose leader has gone gets a helper for a leader, made by a living member. One that has
// dead members only gets it from where they come from.
void TreePlan::add_group_helpers() {
  std::vector<PlannedTask> helpers;
  for (const PlannedTask& t : tasks_) {
    if (t.pgid == outer_pgid_ || has(t.pgid)) continue;
    if (std::ranges::find(helpers, t.pgid, &PlannedTask::pid) != helpers.end()) continue;
    const auto member = std::ranges::find_if(
        tasks_, [&](const PlannedTask& m) { return m.pgid == t.pgid && m.lives(); });
    PlannedTask h;
    h.role = PlannedTask::Role::kHelper;
    h.pid = h.pgid = t.pgid;
    if (member != tasks_.end()) {
      h.ppid = member->pid;
    } else {
      h.ppid = t.ppid;
      h.maker = t.maker;
      h.as_sibling = t.as_sibling;
    }
    h.sid = t.sid;
    h.threads = {h.pid};
    helpers.push_back(std::move(h));
  }
  for (PlannedTask& h : helpers) tasks_.push_back(std::move(h));
}

void TreePlan::link_children() {
  std::map<pid_t, size_t> by_pid;
  for (size_t i = 0; i < tasks_.size(); i++) by_pid[tasks_[i].pid] = i;
  for (size_t i = 1; i < tasks_.size(); i++) {
    const PlannedTask& t = tasks_[i];
    if (!tasks_[by_pid.at(t.ppid)].lives())
      fail("pstree.img: the dead task {} has a child", t.ppid);
    tasks_[by_pid.at(t.maker != 0 ? t.maker : t.ppid)].children.push_back(i);
  }
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

// The session a task has to be born into; kAnySession where it does not matter.
pid_t TreePlan::birth_session(const PlannedTask& task) const {
  if (task.sid != task.pid) return task.sid;
  for (const size_t c : task.children) {
    const pid_t wanted = birth_session(tasks_[c]);
    if (wanted != kAnySession && wanted != task.sid) return wanted;
  }
  return kAnySession;
}

// A child takes its session from its parent: from before the parent's own setsid(2), or after.
void TreePlan::plan_sessions() {
  for (const PlannedTask& parent : tasks_) {
    // The root is born into the shell's session, if there is one.
    const pid_t before = &parent == &tasks_.front() ? outer_sid_ : birth_session(parent);
    for (const size_t c : parent.children) {
      PlannedTask& child = tasks_[c];
      const pid_t wanted = birth_session(child);
      if (wanted == kAnySession || wanted == parent.sid) continue;
      if (wanted != before)
        fail(
            "task {} belongs to session {}, which neither it nor its parent {} can have come from: "
            "not supported yet",
            child.pid, child.sid, parent.pid);
      child.before_setsid = true;
    }
  }
}

size_t TreePlan::count_living() const {
  return static_cast<size_t>(std::ranges::count_if(tasks_, &PlannedTask::lives));
}

std::set<int> TreePlan::used_fds() const {
  std::set<int> used;
  for (const PlannedTask& t : tasks_)
    for (const files::TableEntry& e : t.table) used.insert(static_cast<int>(e.fd));
  return used;
}

}  // namespace criu
