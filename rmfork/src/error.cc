// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/error.h"

#include <cstring>
#include <mutex>
#include <utility>

namespace rmfork {

Error::Error(const std::string& doing, int err)
    : std::runtime_error(doing + ": " + strerror(err)), err_(err) {}

namespace {

struct Sink {
  std::mutex lock;
  LogSink fn;
};

// Never destroyed: objects that outlive main() may still log.
Sink& sink() {
  static Sink* the_sink = new Sink;
  return *the_sink;
}

}  // namespace

void set_log_sink(LogSink fn) {
  std::lock_guard guard(sink().lock);
  sink().fn = std::move(fn);
}

void log(LogLevel level, std::string_view message) {
  LogSink fn;
  {
    std::lock_guard guard(sink().lock);
    fn = sink().fn;
  }
  if (fn) fn(level, message);
}

}  // namespace rmfork
