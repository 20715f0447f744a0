// SPDX-License-Identifier: GPL-2.0-only
//
// The module is unloaded while there are tasks that it has restored, and children of theirs whose
// fork has failed half-way. Who has pages of ubmem, or waits for some, keeps it; who has none does
// not need it.
#ifndef RMFORK_TEST_FUZZ_KERNEL_UNLOADS_H
#define RMFORK_TEST_FUZZ_KERNEL_UNLOADS_H

#include "rmfork/test/fuzz/kernel/calls.h"
#include "rmfork/test/fuzz/kernel/report.h"

namespace rmfork::fuzz {

void unload_often(Module& module, const CallsOptions& options, Report& report);

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_UNLOADS_H
