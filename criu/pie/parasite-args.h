// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <stdint.h>

// What the parasite is asked and what it answers: what a task can only say of itself.
// Plain data in the mapping that the task and the dumper share.
namespace criu::pie {

constexpr unsigned kSignals = 64;
constexpr unsigned kItimers = 3;

// rt_sigaction(2), as the kernel has it on x86-64.
struct SigAction {
  uint64_t handler, flags, restorer, mask;
};

struct ItimerValue {
  uint64_t interval_sec, interval_usec, value_sec, value_usec;
};

struct PosixTimer {
  int32_t id;       // in
  int32_t overrun;  // out, as the next three
  int32_t error;    // -errno of timer_gettime(2)
  int32_t pad;
  uint64_t interval_sec, interval_nsec, value_sec, value_nsec;
};

struct ThreadAnswer {
  uint64_t altstack_sp, altstack_size;
  uint32_t altstack_flags;
  uint32_t pdeath_signal;
  uint64_t tid_address;
  uint32_t securebits;
  uint32_t pad;
};

struct ParasiteArgs {
  uint32_t nr_threads;  // in
  uint32_t nr_timers;   // in

  // Out, by the leader. Fields that hold the result of a call are -errno where it failed.
  int64_t brk;
  int64_t dumpable;
  int64_t child_subreaper;
  int64_t thp_disabled;
  int64_t membarrier;  // MEMBARRIER_CMD_GET_REGISTRATIONS
  SigAction actions[kSignals];
  ItimerValue itimers[kItimers];

  // Behind this struct: nr_threads ThreadAnswer, then nr_timers PosixTimer.
  ThreadAnswer* threads() { return reinterpret_cast<ThreadAnswer*>(this + 1); }
  PosixTimer* timers() { return reinterpret_cast<PosixTimer*>(threads() + nr_threads); }
  static uint64_t size(uint32_t threads, uint32_t timers) {
    return sizeof(ParasiteArgs) + threads * sizeof(ThreadAnswer) + timers * sizeof(PosixTimer);
  }
};

}  // namespace criu::pie
