// SPDX-License-Identifier: GPL-2.0-only
//
// A second owner takes the pool over while the first one is at work: from then on the first changes
// nothing in it.
#ifndef RMFORK_TEST_FUZZ_KERNEL_OWNERS_H
#define RMFORK_TEST_FUZZ_KERNEL_OWNERS_H

#include "rmfork/test/fuzz/kernel/calls.h"
#include "rmfork/test/fuzz/kernel/report.h"

namespace rmfork::fuzz {

// Needs options.module and options.range. The module that is loaded afterwards has the pool of
// before.
void take_over(Module& module, const CallsOptions& options, Report& report);

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_OWNERS_H
