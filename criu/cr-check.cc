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

#include <algorithm>

#include "compel/tracee.h"
#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/log.h"
#include "criu/check-features.h"
#include "criu/mm/pagemap.h"
#include "criu/mm/rmfork-bridge.h"

namespace criu {

namespace {

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

// By what this program itself is built on, and then what CRIU's names mean.
const std::vector<Feature>& features() {
  static const std::vector<Feature> list = [] {
    std::vector<Feature> all = {
        {"ptrace", "seizing tasks, their registers, masks and queued signals", Need::kAlways,
         probe_ptrace},
        {"kcmp", "telling which kernel objects tasks share", Need::kAlways, probe_kcmp},
        {"map_files", "opening the files behind mappings", Need::kAlways, probe_map_files},
        {"children", "finding a task's children", Need::kAlways,
         [] {
           return file_exists("/proc/self/task/") +
                  file_exists(fmt::format("/proc/self/task/{}/children", getpid()).c_str());
         }},
        {"timers", "POSIX timers of a task", Need::kAlways,
         [] { return file_exists("/proc/self/timers"); }},
        {"pagemap", "finding the pages of a task", Need::kAlways,
         [] { return file_exists("/proc/self/pagemap"); }},
        {"pidfd_getfd", "getting at a task's open files", Need::kAlways, probe_pidfd_getfd},
        {"process_vm_readv", "reading a task's memory", Need::kAlways, probe_process_vm},
        {"clone3_set_tid", "making tasks with their pids", Need::kAlways, probe_set_tid},
        {"mm_map", "setting the fields of an address space", Need::kAlways, probe_mm_map},
        {"pagemap_scan", "finding pages quickly", Need::kUseful, probe_pagemap_scan},
        {"rmfork", "moving memory by the kernel", Need::kUseful, probe_rmfork},
    };
    for (const Feature& f : interface_features()) all.push_back(f);
    return all;
  }();
  return list;
}

int check_named(const std::vector<std::string>& names) {
  bool all = true;
  for (const std::string& name : names) {
    if (name == "list") {
      for (const Feature& f : features()) fmt::print("{}\n", f.name);
      continue;
    }
    const auto found = std::ranges::find(features(), name, &Feature::name);
    if (found == features().end())
      fail("--feature: {} is not known; --feature list prints the names", name);
    const std::string why = found->probe();
    if (why.empty()) continue;
    log::error("{}: {}", name, why);
    all = false;
  }
  return all ? 0 : 1;
}

bool is_asked_for(const Feature& f, const Options& options) {
  if (f.need == Need::kExtra) return options.check_extra;
  if (f.need == Need::kExperimental) return options.check_experimental;
  return true;
}

}  // namespace

int check(const Options& options) {
  if (geteuid() != 0) fail("check needs root, as dump and restore do");
  if (!options.features.empty()) return check_named(options.features);
  bool good = true;
  for (const Feature& f : features()) {
    if (!is_asked_for(f, options)) continue;
    const std::string why = f.probe();
    if (why.empty()) {
      log::info("{}: there", f.name);
    } else if (f.need == Need::kAlways) {
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
