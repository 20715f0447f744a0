// SPDX-License-Identifier: GPL-2.0-only
//
// What another machine could do to ubmem: every byte of its books changed, one at a time and many
// at once, while nobody looks and while operations run.
#ifndef RMFORK_TEST_FUZZ_KERNEL_DAMAGE_H
#define RMFORK_TEST_FUZZ_KERNEL_DAMAGE_H

#include <cstdint>

#include "rmfork/test/fuzz/kernel/module.h"
#include "rmfork/test/fuzz/kernel/report.h"

namespace rmfork::fuzz {

void damage_everything(const Module& module, std::uint64_t seed, Report& report);

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_DAMAGE_H
