// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/ids.h"

#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <functional>

#include "criu/base/error.h"
#include "criu/base/namespace-kinds.h"
#include "criu/base/parallel.h"

namespace criu {

namespace {

// kcmp(2): 0 the same, 1 less, 2 greater: an order that a set can go by.
int compare(pid_t a, pid_t b, int type) {
  const long rc = syscall(SYS_kcmp, a, b, type, 0, 0);
  if (rc < 0) fail_errno("cannot compare tasks {} and {} (kcmp)", a, b);
  return static_cast<int>(rc);
}

// Calls same(a, b) for every live task b that shares that with another one, a, before it.
void for_each_sharer(const std::vector<FrozenTask>& tasks, int type,
                     const std::function<void(pid_t, pid_t)>& same) {
  std::vector<pid_t> seen;  // in kcmp's order
  for (const FrozenTask& t : tasks) {
    if (t.is_zombie()) continue;
    size_t from = 0, to = seen.size();
    bool shares = false;
    while (from < to && !shares) {
      const size_t middle = from + (to - from) / 2;
      const int order = compare(t.pid, seen[middle], type);
      if (order == 0) {
        same(seen[middle], t.pid);
        shares = true;
      } else if (order == 1) {
        to = middle;
      } else {
        from = middle + 1;
      }
    }
    if (!shares) seen.insert(seen.begin() + static_cast<ptrdiff_t>(from), t.pid);
  }
}

// Signal handlers are shared by those alone that share the address space: clone(2), CLONE_SIGHAND.
void check_memory_is_unshared(const std::vector<FrozenTask>& tasks) {
  for_each_sharer(tasks, KCMP_VM, [](pid_t one, pid_t other) {
    fail("tasks {} and {} share their address space (clone without fork): not supported yet", one,
         other);
  });
}

struct Namespace {
  const char* name;
  protobuf_c_boolean TaskKobjIdsEntry::*has;
  uint32_t TaskKobjIdsEntry::*id;
};
constexpr std::array<Namespace, kNamespaceKinds.size()> kNamespaces = {
    Namespace{kNamespaceKinds[0].name, &TaskKobjIdsEntry::has_pid_ns_id,
              &TaskKobjIdsEntry::pid_ns_id},
    Namespace{kNamespaceKinds[1].name, &TaskKobjIdsEntry::has_net_ns_id,
              &TaskKobjIdsEntry::net_ns_id},
    Namespace{kNamespaceKinds[2].name, &TaskKobjIdsEntry::has_ipc_ns_id,
              &TaskKobjIdsEntry::ipc_ns_id},
    Namespace{kNamespaceKinds[3].name, &TaskKobjIdsEntry::has_uts_ns_id,
              &TaskKobjIdsEntry::uts_ns_id},
    Namespace{kNamespaceKinds[4].name, &TaskKobjIdsEntry::has_mnt_ns_id,
              &TaskKobjIdsEntry::mnt_ns_id},
    Namespace{kNamespaceKinds[5].name, &TaskKobjIdsEntry::has_user_ns_id,
              &TaskKobjIdsEntry::user_ns_id},
    Namespace{kNamespaceKinds[6].name, &TaskKobjIdsEntry::has_cgroup_ns_id,
              &TaskKobjIdsEntry::cgroup_ns_id},
    Namespace{kNamespaceKinds[7].name, &TaskKobjIdsEntry::has_time_ns_id,
              &TaskKobjIdsEntry::time_ns_id},
};

void check_thread(const FrozenTask& task, pid_t tid) {
  if (compare(task.pid, tid, KCMP_FILES) != 0)
    fail("thread {} of task {} has a descriptor table of its own: not supported yet", tid,
         task.pid);
  if (compare(task.pid, tid, KCMP_FS) != 0)
    fail("thread {} of task {} has a working directory of its own: not supported yet", tid,
         task.pid);
}

// Empty where the kernel has no such namespaces. Throws where it does not say.
std::string ns_link(pid_t pid, const std::string& name) {
  const std::string path = fmt::format("/proc/{}/ns/{}", pid, name);
  char link[64];  // "pid_for_children:[4026531836]" is a long one
  const ssize_t n = readlink(path.c_str(), link, sizeof link);
  if (n < 0 && errno != ENOENT) fail_errno("cannot read {}", path);
  return std::string(link, static_cast<size_t>(std::max<ssize_t>(n, 0)));
}

using Links = std::map<std::string, std::string>;  // of the namespaces, by name

// Those that a tree is to live in: this process's, but for time, where the root's are as good.
Links namespaces_of_tree(pid_t root) {
  Links links;
  for (const Namespace& ns : kNamespaces) links[ns.name] = ns_link(getpid(), ns.name);
  links["pid_for_children"] = ns_link(getpid(), "pid_for_children");
  links["time"] = links["time_for_children"] = ns_link(root, "time");
  std::erase_if(links, [](const auto& link) { return link.second.empty(); });
  return links;
}

// Those that all threads of a task share: clone(2) makes no thread in another one, and setns(2) and
// unshare(2) take a task of one thread (but for time_for_children).
bool is_of_whole_task(std::string_view name) {
  return name == "pid" || name == "user" || name == "time";
}

void check_namespaces(const FrozenTask& task, pid_t tid, const Links& of_tree) {
  for (const auto& [name, link] : of_tree)
    if ((tid == task.pid || !is_of_whole_task(name)) && ns_link(tid, name) != link)
      fail("task {} lives in a {} namespace of its own: not supported yet", tid, name);
}

// Of all threads, in the order in which they are refused.
void check_all(const std::vector<FrozenTask>& tasks, const Links& of_tree) {
  std::vector<std::function<void()>> checks;
  for (const FrozenTask& t : tasks) {
    for (const auto& thread : t.threads)
      checks.emplace_back([&] { check_namespaces(t, thread->tid(), of_tree); });
    for (size_t i = 1; i < t.threads.size(); i++)
      checks.emplace_back([&t, i] { check_thread(t, t.threads[i]->tid()); });
  }
  constexpr size_t kGrain = 8;
  for_each_in_parallel(checks.size(), kGrain, [&](size_t i) { checks[i](); });
}

// First of all come the ids of this process, 1 for each kind.
TaskKobjIdsEntry* make_ids(image::Arena& arena, uint32_t id, const Links& of_tree) {
  auto* e = arena.make<TaskKobjIdsEntry>();
  e->vm_id = e->files_id = e->fs_id = e->sighand_id = id;
  uint32_t ns_id = 1;
  for (const Namespace& ns : kNamespaces) {
    e->*ns.has = of_tree.contains(ns.name);
    e->*ns.id = ns_id++;
  }
  assert(e->net_ns_id == kOwnNetNamespace);
  return e;
}

}  // namespace

KernelObjectIds::KernelObjectIds(std::vector<FrozenTask>& tasks, image::Arena& arena) {
  const auto find_owners = [&tasks](int type, Owners& owners) {
    for_each_sharer(tasks, type, [&](pid_t one, pid_t other) { owners[other] = one; });
  };
  const std::array<std::function<void()>, 3> looks = {
      [&] { check_memory_is_unshared(tasks); },
      [&] { find_owners(KCMP_FILES, table_owners_); },
      [&] { find_owners(KCMP_FS, fs_owners_); },
  };
  constexpr size_t kWorthThreads = 16;
  for_each_in_parallel(looks.size(), tasks.size() < kWorthThreads ? looks.size() : 1,
                       [&](size_t i) { looks[i](); });
  const Links of_tree = namespaces_of_tree(tasks.front().pid);
  check_all(tasks, of_tree);
  uint32_t next = 1;
  own_ = make_ids(arena, next++, of_tree);
  if (of_tree.contains("time") && of_tree.at("time") != ns_link(getpid(), "time"))
    timens_id_ = kOtherTimeNamespace;
  for (const FrozenTask& t : tasks) {
    if (t.is_zombie()) continue;
    TaskKobjIdsEntry* e = ids_[t.pid] = make_ids(arena, next++, of_tree);
    if (timens_id_ != 0) e->time_ns_id = timens_id_;
    if (const pid_t owner = table_owner(t.pid); owner != 0) e->files_id = ids_.at(owner)->files_id;
    if (const pid_t owner = fs_owner(t.pid); owner != 0) e->fs_id = ids_.at(owner)->fs_id;
  }
}

pid_t KernelObjectIds::owner(const Owners& owners, pid_t pid) {
  const auto it = owners.find(pid);
  return it == owners.end() ? 0 : it->second;
}

uint32_t check_restored_ids(pid_t pid, const TaskKobjIdsEntry& task,
                            const TaskKobjIdsEntry* dumper) {
  if (dumper == nullptr) return 0;
  uint32_t timens = 0;
  for (const Namespace& ns : kNamespaces) {
    if (!(task.*ns.has) || !(dumper->*ns.has) || task.*ns.id == dumper->*ns.id) continue;
    if (ns.id != &TaskKobjIdsEntry::time_ns_id)
      fail("task {} lived in a {} namespace of its own: not supported yet", pid, ns.name);
    timens = task.time_ns_id;
  }
  return timens;
}

}  // namespace criu
