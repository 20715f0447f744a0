// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/log.h"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/write-signals.h"

namespace criu::log {

namespace {

timespec now() {
  timespec ts{};
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts;
}

timespec g_start = now();
Sinks g_sinks{STDERR_FILENO, -1};
int g_level = static_cast<int>(Level::kWarning);
int g_pid = 0;

std::string stamp() {
  const timespec t = now();
  const long us = (t.tv_sec - g_start.tv_sec) * 1000000 + (t.tv_nsec - g_start.tv_nsec) / 1000;
  return fmt::format("({:02}.{:06})", us / 1000000, us % 1000000);
}

const char* prefix(Level level) {
  switch (level) {
    case Level::kError:
      return "Error ";
    case Level::kWarning:
      return "Warn  ";
    default:
      return "";
  }
}

// One write per line: lines of several processes do not mix. A full disk must not stop the work,
// nor a reader that has gone.
void put(int fd, const std::string& line) {
  if (::write(fd, line.data(), line.size()) < 0) take_write_signals();
}

}  // namespace

void open(const std::string& path, int verbosity) {
  g_level = verbosity;
  if (path.empty()) return;
  if (path == "-") {
    g_sinks = {STDOUT_FILENO, STDERR_FILENO};
    return;
  }
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) fail_errno("cannot open the log file {}", path);
  g_sinks = {fd, STDERR_FILENO};
}

Sinks sinks() {
  return g_sinks;
}
void set_sinks(Sinks sinks) {
  g_sinks = sinks;
}
void set_pid(int pid) {
  g_pid = pid;
}
void note_clock_shift(long nanoseconds) {
  constexpr long kSecond = 1000000000;
  g_start.tv_sec += nanoseconds / kSecond;
  g_start.tv_nsec += nanoseconds % kSecond;
}

bool enabled(Level level) {
  return static_cast<int>(level) <= g_level;
}

void write(Level level, std::string_view text) {
  std::string line = stamp();
  if (g_pid != 0) line += fmt::format(" {:6}:", g_pid);
  line += fmt::format(" {}{}\n", prefix(level), text);
  if (enabled(level)) put(g_sinks.log, line);
  if (level == Level::kError && g_sinks.errors >= 0)
    put(g_sinks.errors, fmt::format("Error: {}\n", text));
}

void write(Level level, fmt::string_view format, fmt::format_args args) {
  if (level == Level::kError || enabled(level)) write(level, fmt::vformat(format, args));
}

}  // namespace criu::log
