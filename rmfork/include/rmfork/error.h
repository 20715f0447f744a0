// SPDX-License-Identifier: GPL-2.0-only
//
// What the C++ side of rmfork throws, and where its log lines go.
#ifndef RMFORK_ERROR_H
#define RMFORK_ERROR_H

#include <functional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace rmfork {

// A failure: what was being done, on what, and the errno if the kernel gave one. what() is one
// sentence without a full stop, ending in the errno's text.
class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& what) : std::runtime_error(what) {}
  Error(const std::string& doing, int err);

  // 0 if the failure has no errno (a file that holds rubbish, a mismatch).
  int err() const { return err_; }

 private:
  int err_ = 0;
};

// A dump found no room in ubmem; err() is ENOSPC. A full disk is an Error like any other.
class PoolFull : public Error {
 public:
  using Error::Error;
};

// As criu's -v levels.
enum class LogLevel { kError = 1, kWarning = 2, kInfo = 3, kDebug = 4 };

using LogSink = std::function<void(LogLevel, std::string_view)>;

// Sets where messages of this library go, for the whole process. An empty sink drops them, which
// is the default. The sink must not throw.
void set_log_sink(LogSink sink);
void log(LogLevel level, std::string_view message);

}  // namespace rmfork

#endif  // RMFORK_ERROR_H
