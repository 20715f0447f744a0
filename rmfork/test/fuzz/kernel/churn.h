// SPDX-License-Identifier: GPL-2.0-only
//
// A process that changes its memory in every way it can, while others dump it and restore to it.
#ifndef RMFORK_TEST_FUZZ_KERNEL_CHURN_H
#define RMFORK_TEST_FUZZ_KERNEL_CHURN_H

#include <cstdint>

#include "rmfork/test/fuzz/kernel/module.h"
#include "rmfork/test/fuzz/kernel/shared.h"

namespace rmfork::fuzz {

// Runs until killed, or until it decides to exit.
[[noreturn]] void churn(const Module& module, Shared& shared, std::uint64_t seed);

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_CHURN_H
