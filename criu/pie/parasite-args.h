// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <stdint.h>

// What the parasite is asked and what it answers: what a task can only say of itself.
// Plain data in the mapping that the task and the dumper share.
namespace criu::pie {

constexpr unsigned kSignals = 64;
constexpr unsigned kItimers = 3;
constexpr unsigned kLimits = 16;  // RLIM_NLIMITS, asm-generic/resource.h
// Words of a set of NUMA nodes: as many as any kernel has (MAX_NUMNODES, linux/numa.h).
constexpr uint64_t kMaxNodeWords = 16;

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
};

// Addresses, end exclusive.
struct AskedMapping {
  uint64_t start, end;
};

struct ParasiteArgs {
  uint32_t nr_threads;         // in
  uint32_t nr_timers;          // in
  uint64_t nr_mappings;        // in
  uint64_t policy_node_words;  // in: of a set of NUMA nodes, each 64 bits
  uint64_t nr_rings;           // in
  uint64_t nr_fds;             // in

  // Out, by the leader. Fields that hold the result of a call are -errno where it failed.
  int64_t brk;
  int64_t dumpable;
  int64_t child_subreaper;
  int64_t thp_disabled;
  int64_t membarrier;  // MEMBARRIER_CMD_GET_REGISTRATIONS
  int64_t memory_merge;
  int64_t mdwe;  // PR_GET_MDWE
  int64_t ldt;   // modify_ldt(2): bytes of it, at most one entry's
  int64_t personality;
  uint64_t xcomp_permitted;  // ARCH_GET_XCOMP_PERM; 0 where the kernel has no such thing
  int64_t limits_error;      // the first -errno of reading the limits; 0: none
  Limit limits[kLimits];     // by RLIMIT_*
  SigAction actions[kSignals];
  ItimerValue itimers[kItimers];

  // Behind this struct: nr_threads ThreadAnswer, then nr_timers PosixTimer, then (in) nr_mappings
  // AskedMapping, then the addresses of nr_rings AIO rings, which (out) become 0, or -errno of
  // io_getevents(2), then the memory policies of the mappings and of the threads, each of them what
  // get_mempolicy(2) tells: the mode or -errno, and policy_node_words of nodes; then nr_fds
  // descriptors, which (out) become what fcntl(2) F_GETFD tells of each.
  ThreadAnswer* threads() { return reinterpret_cast<ThreadAnswer*>(this + 1); }
  PosixTimer* timers() { return reinterpret_cast<PosixTimer*>(threads() + nr_threads); }
  AskedMapping* mappings() { return reinterpret_cast<AskedMapping*>(timers() + nr_timers); }
  uint64_t* rings() { return reinterpret_cast<uint64_t*>(mappings() + nr_mappings); }
  uint64_t policy_words() const { return 1 + policy_node_words; }
  uint64_t* mapping_policy(uint64_t i) { return rings() + nr_rings + i * policy_words(); }
  uint64_t* thread_policy(uint64_t i) { return mapping_policy(nr_mappings + i); }
  int32_t* fds() { return reinterpret_cast<int32_t*>(thread_policy(nr_threads)); }
  // Of all this, by the numbers of the struct.
  uint64_t size() {
    return static_cast<uint64_t>(reinterpret_cast<uint8_t*>(fds() + nr_fds) -
                                 reinterpret_cast<uint8_t*>(this));
  }
};

}  // namespace criu::pie
