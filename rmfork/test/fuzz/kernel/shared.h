// SPDX-License-Identifier: GPL-2.0-only
//
// What the processes of one run know in common, in memory they share.
#ifndef RMFORK_TEST_FUZZ_KERNEL_SHARED_H
#define RMFORK_TEST_FUZZ_KERNEL_SHARED_H

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <string>

namespace rmfork::fuzz {

inline constexpr std::size_t kMostJobs = 16;
inline constexpr std::size_t kMostTargets = 2 * kMostJobs;
inline constexpr std::size_t kResults = 136;  // 0: success; else an errno
inline constexpr std::size_t kOperations = 16;

struct Shared {
  // Mapped for this process and those it will fork. Throws rmfork::Error.
  static Shared* create();

  // Notes that something is wrong; the first few are kept.
  void complain(const std::string& what);

  std::atomic<bool> stop;
  std::atomic<pid_t> targets[kMostTargets];  // 0: none
  std::atomic<std::uint64_t> snapshots[48];  // offsets; 0: none
  std::atomic<std::uint64_t> progress[kMostJobs];
  std::atomic<std::uint64_t> results[kOperations][kResults];
  std::atomic<std::uint64_t> injected;     // calls during which an allocation was made to fail
  std::atomic<std::uint64_t> round_trips;  // whose contents were compared
  std::atomic<std::uint32_t> complaints;
  char complaint[8][240];

  // Arguments that one process writes while another hands them to the kernel.
  alignas(4096) std::uint64_t scratch[4][512];
};

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_SHARED_H
