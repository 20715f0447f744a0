// SPDX-License-Identifier: GPL-2.0-only
//
// Each operation again and again: the first allocation (or copy from or to user memory) fails,
// then the second, and so on until there is none left to fail.
#ifndef RMFORK_TEST_FUZZ_KERNEL_FAULTS_H
#define RMFORK_TEST_FUZZ_KERNEL_FAULTS_H

#include "rmfork/test/fuzz/kernel/module.h"
#include "rmfork/test/fuzz/kernel/report.h"

namespace rmfork::fuzz {

void fail_everything(const Module& module, Report& report);

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_FAULTS_H
