// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <fmt/core.h>

#include <cerrno>
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

// What fail() and fail_errno() come to: formatting is compiled once, not where something may go
// wrong.
[[noreturn]] void throw_error(fmt::string_view format, fmt::format_args args);
[[noreturn]] void throw_errno(int err, fmt::string_view format, fmt::format_args args);

// Throws Error with formatted text.
template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw_error(format, fmt::make_format_args(args...));
}

// The same with the text of errno behind it; NotThere for ENOENT and ESRCH.
template <typename... Args>
[[noreturn]] void fail_errno(fmt::format_string<Args...> format, Args&&... args) {
  throw_errno(errno, format, fmt::make_format_args(args...));
}

}  // namespace criu
