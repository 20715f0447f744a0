// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <stdint.h>

// What the parasite is asked and what it answers: what a task can only say of itself.
// Plain data in the mapping that the task and the dumper share.
namespace criu::pie {

constexpr unsigned kSignals = 64;
constexpr unsigned kItimers = 3;
constexpr unsigned kLimits = 16;  // RLIM_NLIMITS, asm-generic/resource.h

// rt_sigaction(2), as the kernel has it on x86-64.
struct SigAction {
  uint64_t handler, flags, restorer, mask;
};

struct ItimerValue {
  uint64_t interval_sec, interval_usec, value_sec, value_usec;
};

// struct rlimit64, linux/resource.h; RLIM64_INFINITY is ~0.
struct Limit {
  uint64_t cur, max;
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
  uint64_t timerslack;  // nanoseconds
  uint32_t securebits;
  // -errno where the kernel has no such thing.
  int32_t tsc;         // PR_GET_TSC
  int32_t mce_kill;    // PR_MCE_KILL_GET
  int32_t io_flusher;  // PR_GET_IO_FLUSHER
  int32_t mempolicy;   // get_mempolicy(2): the thread's mode
};

struct ParasiteArgs {
  uint32_t nr_threads;   // in
  uint32_t nr_timers;    // in
  uint64_t nr_mappings;  // in
  uint64_t nr_rings;     // in
  uint64_t nr_fds;       // in

  // Out, by the leader. Fields that hold the result of a call are -errno where it failed.
  int64_t brk;
  int64_t dumpable;
  int64_t child_subreaper;
  int64_t thp_disabled;
  int64_t membarrier;  // MEMBARRIER_CMD_GET_REGISTRATIONS
  int64_t memory_merge;
  int64_t ldt;         // modify_ldt(2): bytes of it, at most one entry's
  uint64_t policy_at;  // the first mapping with a memory policy of its own; 0: none
  int64_t personality;
  uint64_t xcomp_permitted;  // ARCH_GET_XCOMP_PERM; 0 where the kernel has no such thing
  int64_t limits_error;   // the first -errno of reading the limits; 0: none
  Limit limits[kLimits];  // by RLIMIT_*
  SigAction actions[kSignals];
  ItimerValue itimers[kItimers];

  // Behind this struct: nr_threads ThreadAnswer, then nr_timers PosixTimer, then (in) the address
  // of each of nr_mappings mappings, then those of nr_rings AIO rings, which (out) become 0, or
  // -errno of io_getevents(2), then nr_fds descriptors, which (out) become what fcntl(2) F_GETFD
  // tells of each.
  ThreadAnswer* threads() { return reinterpret_cast<ThreadAnswer*>(this + 1); }
  PosixTimer* timers() { return reinterpret_cast<PosixTimer*>(threads() + nr_threads); }
  uint64_t* mappings() { return reinterpret_cast<uint64_t*>(timers() + nr_timers); }
  uint64_t* rings() { return mappings() + nr_mappings; }
  int32_t* fds() { return reinterpret_cast<int32_t*>(rings() + nr_rings); }
  static uint64_t size(uint32_t threads, uint32_t timers, uint64_t mappings, uint64_t rings,
                       uint64_t fds) {
    return sizeof(ParasiteArgs) + threads * sizeof(ThreadAnswer) + timers * sizeof(PosixTimer) +
           (mappings + rings) * sizeof(uint64_t) + fds * sizeof(int32_t);
  }
};

}  // namespace criu::pie
