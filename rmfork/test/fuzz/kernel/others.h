// SPDX-License-Identifier: GPL-2.0-only
//
// Lazy memory while somebody else is at work on it: whoever reclaims it while it is settled, gives
// it up while it is touched, splits huge pages of relatives, or has no memory for a fork.
#ifndef RMFORK_TEST_FUZZ_KERNEL_OTHERS_H
#define RMFORK_TEST_FUZZ_KERNEL_OTHERS_H

#include "rmfork/test/fuzz/kernel/calls.h"
#include "rmfork/test/fuzz/kernel/module.h"
#include "rmfork/test/fuzz/kernel/report.h"

namespace rmfork::fuzz {

// options.seconds are shared out among them.
void meet_others(const Module& module, const CallsOptions& options, Report& report);

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_OTHERS_H
