// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/write-signals.h"

#include <time.h>

#include <array>

namespace criu {

namespace {

struct WriteSignal {
  int number;
  sighandler_t before;
};
// Written by main() before there are threads.
std::array signals = {WriteSignal{SIGPIPE, SIG_DFL}, WriteSignal{SIGXFSZ, SIG_DFL}};

}  // namespace

void ignore_write_signals() {
  for (WriteSignal& s : signals) s.before = signal(s.number, SIG_IGN);
}

void restore_write_signals() {
  for (const WriteSignal& s : signals) signal(s.number, s.before);
}

sigset_t write_signals() {
  sigset_t both;
  sigemptyset(&both);
  for (const WriteSignal& s : signals) sigaddset(&both, s.number);
  return both;
}

void take_write_signals() {
  const sigset_t waiting = write_signals();
  const timespec at_once{};
  while (sigtimedwait(&waiting, nullptr, &at_once) > 0) continue;
}

}  // namespace criu
