// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <signal.h>

namespace criu {

// While there is one, no signal ends or interrupts the calling thread, nor the threads and children
// that it makes, but for SIGKILL: for what must not stop half-way. What comes meanwhile comes in
// the end.
class DelayedSignals {
 public:
  DelayedSignals();
  ~DelayedSignals();
  DelayedSignals(const DelayedSignals&) = delete;
  DelayedSignals& operator=(const DelayedSignals&) = delete;

  // Throws Error naming a signal that waits and would end the process, and does so no more.
  void check() const;
  // It is too late for them: what comes until the end is dropped.
  void drop() { drops_ = true; }

 private:
  sigset_t before_{};
  bool drops_ = false;
};

// The same where it is too late from the beginning. A tracer is told of a task's end by that task's
// exit signal, which may be any (kernel/exit.c, release_task()).
class HeldSignals : public DelayedSignals {
 public:
  HeldSignals() { drop(); }
};

}  // namespace criu
