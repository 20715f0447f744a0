// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <fmt/core.h>

#include <string>
#include <string_view>

// The log, in the form that readers of CRIU's logs expect: `(00.000123) text`, seconds since the
// start. Levels as of -v: 0 only what was asked for, 1 errors, 2 warnings, 3 information, 4 debug.
namespace criu::log {

enum class Level { kMessage = 0, kError = 1, kWarning = 2, kInfo = 3, kDebug = 4 };

// Everything before this goes to stderr at level kWarning.
// path empty: stderr; "-": stdout. The descriptor of a file is close-on-exec.
void open(const std::string& path, int verbosity);

// Where lines go. Errors are also written to stderr where the log is a file.
struct Sinks {
  int log = -1;
  int errors = -1;  // -1: nowhere, the log is stderr
};
Sinks sinks();
// A restore moves them out of the way of the descriptors that tasks will have: number 2 is soon
// somebody else's there.
void set_sinks(Sinks sinks);
bool enabled(Level level);
void write(Level level, std::string_view text);
// Set in a task being restored: lines begin with its pid.
void set_pid(int pid);
// The clock of this process has been shifted by so many nanoseconds: the stamps are not.
void note_clock_shift(long nanoseconds);

// Formats what is going to be seen. The four below come to it: formatting is compiled once.
void write(Level level, fmt::string_view format, fmt::format_args args);

template <typename... Args>
void error(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kError, format, fmt::make_format_args(args...));
}
template <typename... Args>
void warn(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kWarning, format, fmt::make_format_args(args...));
}
template <typename... Args>
void info(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kInfo, format, fmt::make_format_args(args...));
}
template <typename... Args>
void debug(fmt::format_string<Args...> format, Args&&... args) {
  write(Level::kDebug, format, fmt::make_format_args(args...));
}

}  // namespace criu::log
