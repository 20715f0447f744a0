// SPDX-License-Identifier: GPL-2.0-only
//
// Several jobs that call the module at once, killed and started anew now and then.
#ifndef RMFORK_TEST_FUZZ_KERNEL_CALLS_H
#define RMFORK_TEST_FUZZ_KERNEL_CALLS_H

#include <cstdint>
#include <string>

#include "rmfork/test/fuzz/kernel/module.h"
#include "rmfork/test/fuzz/kernel/report.h"

namespace rmfork::fuzz {

struct CallsOptions {
  std::uint64_t seed = 1;
  unsigned seconds = 60;
  unsigned jobs = 4;  // at most kMostJobs
  // For those that load the module anew: its file, and a range that the kernel does not use.
  std::string module;
  std::uint64_t range = 0;  // physical address; 0: none
};

// Round trips (round-trip.h) alone, one after the other: what one of them finds can be repeated.
void check_contents(const Module& module, const CallsOptions& options, Report& report);

void fuzz_calls(const Module& module, const CallsOptions& options, Report& report);

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_CALLS_H
