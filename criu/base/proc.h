// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace criu::proc {

// /proc/pid/stat, proc(5); only what is used. Addresses are 0 without the right to see them.
struct Stat {
  std::string comm;
  char state = '?';
  pid_t ppid = 0, pgrp = 0, session = 0;
  dev_t terminal = 0;    // the controlling one; 0: none
  pid_t foreground = 0;  // the process group that has the terminal
  uint32_t flags = 0;
  int num_threads = 0;
  uint64_t start_code = 0, end_code = 0, start_stack = 0;
  uint64_t start_data = 0, end_data = 0, start_brk = 0;
  uint64_t arg_start = 0, arg_end = 0, env_start = 0, env_end = 0;
  int exit_signal = 0;  // what its parent gets at its end
  int exit_code = 0;    // wait status
};

// /proc/pid/status, proc(5).
struct Status {
  std::string comm;
  uint32_t umask = 0;
  pid_t tracer = 0;
  std::array<uint32_t, 4> uid{}, gid{};  // real, effective, saved, filesystem
  std::vector<uint32_t> groups;
  uint64_t cap_inh = 0, cap_prm = 0, cap_eff = 0, cap_bnd = 0, cap_amb = 0;
  bool no_new_privs = false;
  int seccomp = 0;
  bool thp_disabled = false;
  bool shadow_stack = false;
  bool tagged_addresses = false;  // linear address masking: ARCH_ENABLE_TAGGED_ADDR
  uint64_t locked_kib = 0;        // VmLck
  // Signals that wait, of the thread and of the task: bit n - 1 for signal n.
  uint64_t pending = 0, shared_pending = 0;
};

// A POSIX timer as /proc/pid/timers shows it, proc(5).
struct Timer {
  int id = 0;
  uint32_t signal = 0;
  uint64_t sigval = 0;
  uint32_t notify = 0;  // SIGEV_*
  int thread = 0;       // SIGEV_THREAD_ID
  uint32_t clock = 0;
};

// tid within pid; pid itself for the leader.
Stat read_stat(pid_t pid, pid_t tid);
Status read_status(pid_t pid, pid_t tid);
Status parse_status(std::string_view text);
// All that this process's PID namespace has, dead ones too.
std::vector<pid_t> list_processes();
// Each once.
std::vector<pid_t> list_threads(pid_t pid);
// The process that a thread belongs to; itself where it is the first.
pid_t process_of(pid_t tid);
// Children of all threads of the task (CONFIG_PROC_CHILDREN), each once. Empty where the task is
// gone.
std::vector<pid_t> list_children(pid_t pid);
// The same, where the threads are known.
std::vector<pid_t> list_children(pid_t pid, std::span<const pid_t> tids);

// The timers of a task, in the order of the file, and the parser for itself. Throws Error for a
// text that does not begin with a timer.
std::vector<Timer> read_timers(pid_t pid);
std::vector<Timer> parse_timers(std::string_view text);

// "/proc/<pid>/<name>"
std::string path(pid_t pid, std::string_view name);

// Calls f for each line, without its newline.
void each_line(std::string_view text, const std::function<void(std::string_view)>& f);
// The number at the start of text; 0 where there is none.
uint64_t to_u64(std::string_view text, int base = 10);

}  // namespace criu::proc
