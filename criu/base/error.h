// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <fmt/core.h>

#include <cerrno>
#include <chrono>
#include <stdexcept>
#include <string>

namespace criu {

// What the tool throws: what was being done, on what, and why it failed. Caught at the top of
// a verb and at the root of a restored task; logged there, once.
class Error : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

// What was looked for is not there (ENOENT), or the task that it is of has gone (ESRCH).
class NotThere : public Error {
 public:
  using Error::Error;
};

// What a dump cannot take as it is now, but may be able to a moment later: it lets the tasks go on
// and looks at them again, for patience() in all.
class Transient : public Error {
 public:
  explicit Transient(const std::string& what,
                     std::chrono::milliseconds patience = std::chrono::seconds(1))
      : Error(what), patience_(patience) {}
  std::chrono::milliseconds patience() const { return patience_; }

 private:
  std::chrono::milliseconds patience_;
};

// What those below come to: formatting is compiled once, not where something may go wrong.
[[noreturn]] void throw_error(fmt::string_view format, fmt::format_args args);
[[noreturn]] void throw_transient(fmt::string_view format, fmt::format_args args);
[[noreturn]] void throw_errno(int err, fmt::string_view format, fmt::format_args args);

// Throws Error with formatted text.
template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw_error(format, fmt::make_format_args(args...));
}

// The same for Transient.
template <typename... Args>
[[noreturn]] void fail_for_now(fmt::format_string<Args...> format, Args&&... args) {
  throw_transient(format, fmt::make_format_args(args...));
}

// fail() with the text of errno behind it; NotThere for ENOENT and ESRCH.
template <typename... Args>
[[noreturn]] void fail_errno(fmt::format_string<Args...> format, Args&&... args) {
  throw_errno(errno, format, fmt::make_format_args(args...));
}

}  // namespace criu
