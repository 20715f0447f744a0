// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/scheduling.h"

#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <map>
#include <mutex>
#include <system_error>
#include <thread>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/proc.h"

namespace criu {

namespace {

constexpr size_t kMaxCpus = 8192;                             // NR_CPUS at most, arch/x86/Kconfig
constexpr int kIoprioWhoProcess = 1, kIoprioClassShift = 13;  // linux/ioprio.h

pie::SchedAttr read_attr(pid_t tid) {
  pie::SchedAttr attr{};
  if (syscall(SYS_sched_getattr, tid, &attr, sizeof attr, 0) < 0)
    fail_errno("cannot read the scheduling of thread {}", tid);
  return attr;
}

bool is_fair(uint32_t policy) {
  return policy == SCHED_OTHER || policy == SCHED_BATCH;
}

// What a new thread has that is given nothing of this one: SCHED_FLAG_RESET_ON_FORK, sched(7).
pie::SchedAttr attr_of_new() {
  pie::SchedAttr attr = read_attr(0);
  std::thread([&attr] {
    pie::SchedAttr parent = attr;
    parent.flags |= pie::kSchedFlagResetOnFork;
    if (syscall(SYS_sched_setattr, 0, &parent, 0) < 0) return;
    try {
      std::thread([&attr] { syscall(SYS_sched_getattr, 0, &attr, sizeof attr, 0); }).join();
    } catch (const std::system_error&) {
      // A limit is reached: what this one has must do.
    }
  }).join();
  return attr;
}

// What a thread has that nobody has asked for anything. Most often this one is such a thread: if it
// has the same as the second process of the machine, which is the kernel's.
const pie::SchedAttr& usual_attr() {
  static const pie::SchedAttr usual = [] {
    const pie::SchedAttr own = read_attr(0);
    pie::SchedAttr second{};
    const bool is_usual = own.policy == SCHED_OTHER &&
                          syscall(SYS_sched_getattr, 2, &second, sizeof second, 0) == 0 &&
                          own.runtime == second.runtime && own.util_min == second.util_min &&
                          own.util_max == second.util_max;
    return is_usual ? own : attr_of_new();
  }();
  return usual;
}

bool has_bit(const std::vector<uint8_t>& set, size_t n) {
  return n / 8 < set.size() && (set[n / 8] >> (n % 8) & 1) != 0;
}

std::vector<uint8_t> read_affinity(pid_t tid) {
  std::vector<uint8_t> mask(kMaxCpus / 8);
  const long n = syscall(SYS_sched_getaffinity, tid, mask.size(), mask.data());
  if (n < 0) fail_errno("cannot read the processor affinity of thread {}", tid);
  mask.resize(static_cast<size_t>(n));
  return mask;
}

const std::vector<uint8_t>& online_cpus() {
  static const std::vector<uint8_t> online =
      parse_cpu_list(read_file("/sys/devices/system/cpu/online"));
  return online;
}

std::string read_if_there(const std::string& path) {
  return read_file_if_there(path).value_or(std::string());
}

// The path of the cgroup that the task's cpuset is of: "0::/path" with cgroups of version 2,
// "4:cpuset:/path" before (cgroups(7)); empty where there is none.
std::string cpuset_of(pid_t pid) {
  std::string one, two;
  proc::each_line(read_if_there(proc::path(pid, "cgroup")), [&](std::string_view line) {
    const size_t first = line.find(':');
    const size_t second = line.find(':', first + 1);
    if (second == std::string_view::npos) return;
    const std::string path(line.substr(second + 1));
    if (first + 1 == second) two = "/sys/fs/cgroup" + path;
    if (line.substr(first + 1, second - first - 1) == "cpuset")
      one = "/sys/fs/cgroup/cpuset" + path;
  });
  return one.empty() ? two : one;
}

// The processors that the cpuset of a cgroup allows. One without the controller has those of the
// one above it.
std::vector<uint8_t> read_cpuset(std::string path) {
  for (; path.size() > 1; path.resize(path.rfind('/'))) {
    for (const char* name : {"cpuset.cpus.effective", "cpuset.effective_cpus"}) {
      const std::string text = read_if_there(path + "/" + name);
      if (!text.empty()) return parse_cpu_list(text);
    }
  }
  return online_cpus();
}

}  // namespace

// The tasks of a tree are of one cgroup, mostly.
const std::vector<uint8_t>& Cpuset::cpus() {
  static std::mutex mutex;
  static std::map<std::string, std::vector<uint8_t>> known;  // this and cpus_: by the mutex
  const std::lock_guard lock(mutex);
  if (cpus_ == nullptr) {
    const std::string path = cpuset_of(pid_);
    auto it = known.find(path);
    if (it == known.end()) it = known.emplace(path, read_cpuset(path)).first;
    cpus_ = &it->second;
  }
  return *cpus_;
}

std::vector<uint8_t> parse_cpu_list(std::string_view text) {
  std::vector<uint8_t> set;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    const std::string_view word = text.substr(0, text.find_first_of(",\n"));
    const size_t dash = word.find('-');
    const uint64_t first = proc::to_u64(word);
    const uint64_t last =
        dash == std::string_view::npos ? first : proc::to_u64(word.substr(dash + 1));
    if (last >= kMaxCpus || first > last) fail("\"{}\" is no list of processors", text);
    set.resize(std::max<size_t>(set.size(), last / 8 + 1));
    for (uint64_t n = first; n <= last; n++) set[n / 8] |= static_cast<uint8_t>(1U << (n % 8));
    text.remove_prefix(std::min(word.size() + 1, text.size()));
  }
  return set;
}

bool is_restricted(const std::vector<uint8_t>& allowed, const std::vector<uint8_t>& usual,
                   const std::vector<uint8_t>& online) {
  for (size_t n = 0; n < online.size() * 8; n++)
    if (has_bit(online, n) && has_bit(usual, n) && !has_bit(allowed, n)) return true;
  return false;
}

Scheduling read_scheduling(Cpuset& cpuset, pid_t tid) {
  Scheduling s;
  s.attr = read_attr(tid);
  if (s.attr.policy == pie::kSchedDeadline)
    fail("thread {}: the scheduling class SCHED_DEADLINE is not supported yet", tid);
  // A thread of a real-time class has one too, but the kernel does not show it there.
  s.nice = is_fair(s.attr.policy) ? s.attr.nice : getpriority(PRIO_PROCESS, static_cast<id_t>(tid));
  const pie::SchedAttr& usual = usual_attr();
  // Linux 6.12 shows the slice of a fair thread as its runtime, whether it was set or not.
  if (is_fair(s.attr.policy) && s.attr.runtime != usual.runtime) s.slice = s.attr.runtime;
  s.has_clamp = s.attr.util_min != usual.util_min || s.attr.util_max != usual.util_max;
  s.affinity = read_affinity(tid);
  if (!is_restricted(s.affinity, online_cpus(), online_cpus()) ||
      !is_restricted(s.affinity, cpuset.cpus(), online_cpus()))
    s.affinity.clear();
  const long io = syscall(SYS_ioprio_get, kIoprioWhoProcess, tid);
  if (io < 0) fail_errno("cannot read the I/O priority of thread {}", tid);
  if (io >> kIoprioClassShift != 0) s.io_priority = static_cast<uint32_t>(io);
  return s;
}

void put_scheduling(image::Arena& arena, const Scheduling& from, ThreadCoreEntry* to) {
  CRIU_SET_OPTIONAL(to, sched_nice, from.nice);
  const bool reset = (from.attr.flags & pie::kSchedFlagResetOnFork) != 0;
  CRIU_SET_OPTIONAL(to, sched_policy, from.attr.policy | (reset ? pie::kSchedResetOnFork : 0));
  if (from.attr.priority != 0) CRIU_SET_OPTIONAL(to, sched_prio, from.attr.priority);
  if (from.slice != 0) CRIU_SET_OPTIONAL(to, sched_slice_ns, from.slice);
  if (from.has_clamp) {
    CRIU_SET_OPTIONAL(to, sched_util_min, from.attr.util_min);
    CRIU_SET_OPTIONAL(to, sched_util_max, from.attr.util_max);
  }
  if (!from.affinity.empty())
    CRIU_SET_OPTIONAL(to, cpu_affinity, arena.bytes(from.affinity.data(), from.affinity.size()));
  if (from.io_priority != 0) CRIU_SET_OPTIONAL(to, io_priority, from.io_priority);
}

int read_autogroup_nice(pid_t pid) {
  const std::string text = read_if_there(proc::path(pid, "autogroup"));
  constexpr std::string_view kNice = " nice ";
  const size_t at = text.find(kNice);
  return at == std::string::npos ? 0 : std::stoi(text.substr(at + kNice.size()));
}

}  // namespace criu
