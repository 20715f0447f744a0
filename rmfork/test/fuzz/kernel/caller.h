// SPDX-License-Identifier: GPL-2.0-only
//
// One job of the fuzzer: calls the module for ever, and keeps two churning processes.
#ifndef RMFORK_TEST_FUZZ_KERNEL_CALLER_H
#define RMFORK_TEST_FUZZ_KERNEL_CALLER_H

#include <cstdint>

#include "rmfork/test/fuzz/kernel/module.h"
#include "rmfork/test/fuzz/kernel/shared.h"

namespace rmfork::fuzz {

// Until killed. `number` is below kMostJobs.
[[noreturn]] void run_caller(const Module& module, Shared& shared, unsigned number,
                             std::uint64_t seed);

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_CALLER_H
