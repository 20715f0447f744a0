// SPDX-License-Identifier: GPL-2.0-only
#include "criu/cr-check.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <linux/prctl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "compel/tracee.h"
#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/log.h"
#include "criu/mm/pagemap.h"
#include "criu/mm/rmfork-bridge.h"

namespace criu {

namespace {

// A feature: nothing returned where it is there, else why not.
using Probe = std::function<std::string()>;

struct Feature {
  const char* name;
  const char* what;
  bool needed;
  Probe probe;
};

std::string errno_text(const char* what) {
  return fmt::format("{}: {}", what, strerror(errno));
}

std::string file_exists(const char* path) {
  return access(path, F_OK) == 0 ? "" : fmt::format("{} does not exist", path);
}

std::string probe_map_files() {
  const long page = sysconf(_SC_PAGESIZE);
  void* p = mmap(nullptr, static_cast<size_t>(page), PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (p == MAP_FAILED) return errno_text("mmap");
  const auto at = reinterpret_cast<uint64_t>(p);
  const std::string path =
      fmt::format("/proc/self/map_files/{:x}-{:x}", at, at + static_cast<uint64_t>(page));
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  std::string why = fd ? "" : errno_text("opening an entry");
  munmap(p, static_cast<size_t>(page));
  return why;
}

std::string probe_kcmp() {
  const pid_t self = getpid();
  return syscall(SYS_kcmp, self, self, KCMP_VM, 0, 0) == 0 ? "" : errno_text("kcmp");
}

std::string probe_pidfd_getfd() {
  const UniqueFd pidfd(static_cast<int>(syscall(SYS_pidfd_open, getpid(), 0)));
  const UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_getfd, pidfd.get(), STDERR_FILENO, 0)));
  return fd ? "" : errno_text("pidfd_getfd");
}

std::string probe_mm_map() {
  unsigned size = 0;
  if (prctl(PR_SET_MM, PR_SET_MM_MAP_SIZE, &size, 0, 0) < 0)
    return errno_text("PR_SET_MM_MAP_SIZE");
  return "";
}

// A pid that is taken: the kernel gets as far as EEXIST only for who may choose pids at all.
std::string probe_set_tid() {
  pid_t taken = 1;
  struct {
    uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid,
        set_tid_size, cgroup;
  } args{};
  args.exit_signal = SIGCHLD;
  args.set_tid = reinterpret_cast<uint64_t>(&taken);
  args.set_tid_size = 1;
  const long pid = syscall(SYS_clone3, &args, sizeof args);
  if (pid == 0) _exit(0);
  if (pid > 0) waitpid(static_cast<pid_t>(pid), nullptr, 0);
  return pid < 0 && errno == EEXIST ? "" : errno_text("clone3 with set_tid");
}

std::string probe_ptrace() {
  const pid_t child = fork();
  if (child < 0) return errno_text("fork");
  if (child == 0) {
    pause();
    _exit(0);
  }
  std::string why;
  try {
    compel::Tracee t = compel::Tracee::seize(child);
    t.blocked_signals();
    t.queued_signals(false);
    t.registers();
  } catch (const std::exception& e) {
    why = e.what();
  }
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  return why;
}

std::string probe_process_vm() {
  char from = 'x', to = 0;
  const iovec local{&to, 1}, remote{&from, 1};
  return process_vm_readv(getpid(), &local, 1, &remote, 1, 0) == 1 ? ""
                                                                   : errno_text("process_vm_readv");
}

std::string probe_pagemap_scan() {
  return mm::PagemapScanner::kernel_can_scan() ? ""
                                               : "PAGEMAP_SCAN is not known (Linux 6.7 has it)";
}

std::string probe_rmfork() {
  std::string why;
  mm::rmfork_available("auto", why);
  return why;
}

const std::vector<Feature>& features() {
  static const std::vector<Feature> list = {
      {"ptrace", "seizing tasks, their registers, masks and queued signals", true, probe_ptrace},
      {"kcmp", "telling which kernel objects tasks share", true, probe_kcmp},
      {"map_files", "opening the files behind mappings", true, probe_map_files},
      {"children", "finding a task's children", true,
       [] {
         return file_exists("/proc/self/task/") +
                file_exists(fmt::format("/proc/self/task/{}/children", getpid()).c_str());
       }},
      {"timers", "POSIX timers of a task", true, [] { return file_exists("/proc/self/timers"); }},
      {"pagemap", "finding the pages of a task", true,
       [] { return file_exists("/proc/self/pagemap"); }},
      {"pidfd_getfd", "getting at a task's open files", true, probe_pidfd_getfd},
      {"process_vm_readv", "reading a task's memory", true, probe_process_vm},
      {"clone3_set_tid", "making tasks with their pids", true, probe_set_tid},
      {"mm_map", "setting the fields of an address space", true, probe_mm_map},
      {"pagemap_scan", "finding pages quickly", false, probe_pagemap_scan},
      {"rmfork", "moving memory by the kernel", false, probe_rmfork},
  };
  return list;
}

int check_named(const std::vector<std::string>& names) {
  bool all = true;
  for (const std::string& name : names) {
    const Feature* found = nullptr;
    for (const Feature& f : features())
      if (name == f.name) found = &f;
    if (found == nullptr) fail("--feature: {} is not known", name);
    const std::string why = found->probe();
    if (why.empty()) continue;
    log::error("{}: {}", name, why);
    all = false;
  }
  return all ? 0 : 1;
}

}  // namespace

int check(const Options& options) {
  if (geteuid() != 0) fail("check needs root, as dump and restore do");
  if (!options.features.empty()) return check_named(options.features);
  bool good = true;
  for (const Feature& f : features()) {
    const std::string why = f.probe();
    if (why.empty()) {
      log::info("{}: there", f.name);
    } else if (f.needed) {
      log::error("{} ({}) is missing: {}", f.name, f.what, why);
      good = false;
    } else {
      log::warn("{} ({}) is missing: {}", f.name, f.what, why);
    }
  }
  fmt::print("{}\n", good ? "Looks good." : "This kernel lacks what is needed.");
  return good ? 0 : 1;
}

}  // namespace criu
