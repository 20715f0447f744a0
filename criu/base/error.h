// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <string>
#include <utility>

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

// Throws Error with formatted text.
template <typename... Args>
[[noreturn]] void fail(fmt::format_string<Args...> format, Args&&... args) {
  throw Error(fmt::format(format, std::forward<Args>(args)...));
}

// The same with the text of errno behind it; NotThere for ENOENT and ESRCH.
template <typename... Args>
[[noreturn]] void fail_errno(fmt::format_string<Args...> format, Args&&... args) {
  const int err = errno;
  const std::string text =
      fmt::format(format, std::forward<Args>(args)...) + ": " + std::strerror(err);
  if (err == ENOENT || err == ESRCH) throw NotThere(text);
  throw Error(text);
}

}  // namespace criu
