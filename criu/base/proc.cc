// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/proc.h"

#include <signal.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <unordered_set>

#include "criu/base/directory-listing.h"
#include "criu/base/error.h"
#include "criu/base/fd.h"

namespace criu::proc {

namespace {

constexpr std::string_view kNoTags = "0xffffffffffffffff";  // all bits of an address count

std::string task_path(pid_t pid, pid_t tid, std::string_view name) {
  if (pid == tid) return path(pid, name);
  return fmt::format("/proc/{}/task/{}/{}", pid, tid, name);
}

std::string_view trim(std::string_view s) {
  while (!s.empty() && (s.front() == ' ' || s.front() == '\t')) s.remove_prefix(1);
  while (!s.empty() && (s.back() == ' ' || s.back() == '\t')) s.remove_suffix(1);
  return s;
}

std::vector<std::string_view> split(std::string_view s) {
  std::vector<std::string_view> words;
  while (!(s = trim(s)).empty()) {
    const size_t n = std::min(s.find_first_of(" \t"), s.size());
    words.push_back(s.substr(0, n));
    s.remove_prefix(n);
  }
  return words;
}

// A name as fs/proc/array.c, proc_task_name(), writes it: with a backslash before a backslash and
// in the place of a newline, nothing else.
std::string unescape(std::string_view name) {
  std::string text;
  for (size_t i = 0; i < name.size(); i++) {
    const bool escaped = name[i] == '\\' && i + 1 < name.size();
    if (escaped) i++;
    text.push_back(escaped && name[i] == 'n' ? '\n' : name[i]);
  }
  return text;
}

// The kernel goes on by counting where a read ended: if entries come and go meanwhile, it may tell
// of one twice.
std::vector<pid_t> list_numbers(const std::string& dir) {
  std::vector<pid_t> found;
  DirectoryListing d(dir);
  while (const char* name = d.next())
    if (name[0] >= '0' && name[0] <= '9') found.push_back(static_cast<pid_t>(to_u64(name)));
  std::sort(found.begin(), found.end());
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

// The minor number's low 8 bits, 12 of the major, and the rest of the minor: new_encode_dev() of
// include/linux/kdev_t.h.
dev_t terminal_of(uint32_t nr) {
  return makedev(nr >> 8 & 0xfff, (nr & 0xff) | (nr >> 12 & 0xfff00));
}

}  // namespace

std::string path(pid_t pid, std::string_view name) {
  return fmt::format("/proc/{}/{}", pid, name);
}

uint64_t to_u64(std::string_view text, int base) {
  text = trim(text);
  uint64_t n = 0;
  std::from_chars(text.data(), text.data() + text.size(), n, base);
  return n;
}

void each_line(std::string_view text, const std::function<void(std::string_view)>& f) {
  while (!text.empty()) {
    const size_t n = std::min(text.find('\n'), text.size());
    f(text.substr(0, n));
    text.remove_prefix(std::min(n + 1, text.size()));
  }
}

Stat read_stat(pid_t pid, pid_t tid) {
  const std::string file = task_path(pid, tid, "stat");
  const std::string text = read_record(file);
  const size_t open = text.find('(');
  const size_t close = text.rfind(')');
  if (open == std::string::npos || close == std::string::npos) fail("{} cannot be read", file);
  Stat s;
  s.comm = text.substr(open + 1, close - open - 1);
  const std::vector<std::string_view> w =
      split(std::string_view(text).substr(close + 1, text.find('\n', close) - close - 1));
  // proc(5) counts from 1 and the state is its field 3.
  const auto field = [&](size_t n) -> std::string_view { return w.at(n - 3); };
  if (w.size() < 50) fail("{} has too few fields", file);
  const auto number = [&](size_t n) { return to_u64(field(n)); };
  s.state = field(3).front();
  s.ppid = static_cast<pid_t>(number(4));
  s.pgrp = static_cast<pid_t>(number(5));
  s.session = static_cast<pid_t>(number(6));
  s.terminal = terminal_of(static_cast<uint32_t>(number(7)));
  if (s.terminal != 0) s.foreground = static_cast<pid_t>(number(8));
  s.flags = static_cast<uint32_t>(number(9));
  s.num_threads = static_cast<int>(number(20));
  s.start_code = number(26), s.end_code = number(27), s.start_stack = number(28);
  s.start_data = number(45), s.end_data = number(46), s.start_brk = number(47);
  s.arg_start = number(48), s.arg_end = number(49);
  s.env_start = number(50), s.env_end = number(51);
  s.exit_signal = static_cast<int>(number(38));
  s.exit_code = static_cast<int>(number(52));
  return s;
}

pid_t process_of(pid_t tid) {
  constexpr std::string_view kKey = "Tgid:";
  pid_t process = 0;
  each_line(read_record(task_path(tid, tid, "status")), [&](std::string_view line) {
    if (line.starts_with(kKey))
      process = static_cast<pid_t>(to_u64(trim(line.substr(kKey.size()))));
  });
  return process;
}

Status read_status(pid_t pid, pid_t tid) {
  return parse_status(read_record(task_path(pid, tid, "status")));
}

Status parse_status(std::string_view text) {
  Status s;
  const auto four = [](std::string_view value, std::array<uint32_t, 4>& to) {
    const auto words = split(value);
    for (size_t i = 0; i < std::min<size_t>(4, words.size()); i++)
      to[i] = static_cast<uint32_t>(to_u64(words[i]));
  };
  each_line(text, [&](std::string_view line) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) return;
    const std::string_view key = line.substr(0, colon), value = trim(line.substr(colon + 1));
    if (key == "Name")
      s.comm = unescape(line.substr(std::min(colon + 2, line.size())));  // behind the tabulator
    else if (key == "Umask")
      s.umask = static_cast<uint32_t>(to_u64(value, 8));
    else if (key == "TracerPid")
      s.tracer = static_cast<pid_t>(to_u64(value));
    else if (key == "Uid")
      four(value, s.uid);
    else if (key == "Gid")
      four(value, s.gid);
    else if (key == "Groups")
      for (const std::string_view g : split(value))
        s.groups.push_back(static_cast<uint32_t>(to_u64(g)));
    else if (key == "SigPnd")
      s.pending = to_u64(value, 16);
    else if (key == "ShdPnd")
      s.shared_pending = to_u64(value, 16);
    else if (key == "CapInh")
      s.cap_inh = to_u64(value, 16);
    else if (key == "CapPrm")
      s.cap_prm = to_u64(value, 16);
    else if (key == "CapEff")
      s.cap_eff = to_u64(value, 16);
    else if (key == "CapBnd")
      s.cap_bnd = to_u64(value, 16);
    else if (key == "CapAmb")
      s.cap_amb = to_u64(value, 16);
    else if (key == "NoNewPrivs")
      s.no_new_privs = value == "1";
    else if (key == "Seccomp")
      s.seccomp = static_cast<int>(to_u64(value));
    else if (key == "THP_enabled")
      s.thp_disabled = value == "0";
    else if (key == "VmLck")
      s.locked_kib = to_u64(value);
    else if (key == "x86_Thread_features")
      s.shadow_stack = value.find("shstk") != std::string_view::npos;
    else if (key == "untag_mask")
      s.tagged_addresses = value != kNoTags;
  });
  return s;
}

std::vector<Timer> parse_timers(std::string_view text) {
  std::vector<Timer> timers;
  each_line(text, [&](std::string_view line) {
    const std::string_view value = line.substr(std::min(line.find(':') + 1, line.size()));
    if (line.starts_with("ID:")) {
      timers.emplace_back().id = static_cast<int>(to_u64(value));
      return;
    }
    if (timers.empty()) fail("a list of timers begins with \"{}\"", line);
    Timer& t = timers.back();
    if (line.starts_with("signal:")) {  // number/value, the value a pointer
      t.signal = static_cast<uint32_t>(to_u64(value));
      t.sigval = to_u64(value.substr(value.find('/') + 1), 16);
    } else if (line.starts_with("notify:")) {  // how/pid.N or how/tid.N
      t.notify = SIGEV_SIGNAL;
      if (value.find("none/") != std::string_view::npos) t.notify = SIGEV_NONE;
      if (value.find("thread/") != std::string_view::npos) t.notify = SIGEV_THREAD;
      if (value.find("/tid.") != std::string_view::npos) {
        t.notify |= SIGEV_THREAD_ID;
        t.thread = static_cast<int>(to_u64(value.substr(value.find('.') + 1)));
      }
    } else if (line.starts_with("ClockID:")) {  // negative for a clock of a task
      int clock = 0;
      const std::string_view number = trim(value);
      std::from_chars(number.data(), number.data() + number.size(), clock);
      t.clock = static_cast<uint32_t>(clock);
    }
  });
  return timers;
}

std::vector<Timer> read_timers(pid_t pid) {
  return parse_timers(read_file(path(pid, "timers")));
}

std::vector<pid_t> list_processes() {
  return list_numbers("/proc");
}

std::vector<pid_t> list_threads(pid_t pid) {
  return list_numbers(path(pid, "task"));
}

std::vector<pid_t> list_children(pid_t pid) {
  return list_children(pid, list_threads(pid));
}

std::vector<pid_t> list_children(pid_t pid, std::span<const pid_t> tids) {
  std::vector<pid_t> children;
  std::unordered_set<pid_t> known;  // as in list_numbers()
  for (const pid_t tid : tids) {
    const std::string text = read_file(fmt::format("/proc/{}/task/{}/children", pid, tid));
    for (const std::string_view w : split(std::string_view(text).substr(0, text.find('\n')))) {
      const auto child = static_cast<pid_t>(to_u64(w));
      if (known.insert(child).second) children.push_back(child);
    }
  }
  return children;
}

}  // namespace criu::proc
