// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <signal.h>

namespace criu {

// While there is one, no signal ends or interrupts the calling thread, but for SIGKILL: for what
// must not stop half-way. A tracer is told of a task's end by that task's exit signal, which may be
// any (kernel/exit.c, release_task()). What came meanwhile is dropped in the end.
class HeldSignals {
 public:
  HeldSignals();
  ~HeldSignals();
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace criu
