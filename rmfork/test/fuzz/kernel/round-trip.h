// SPDX-License-Identifier: GPL-2.0-only
//
// A quiet process among the busy ones: what is dumped of it must come back as it was.
#ifndef RMFORK_TEST_FUZZ_KERNEL_ROUND_TRIP_H
#define RMFORK_TEST_FUZZ_KERNEL_ROUND_TRIP_H

#include <cstdint>

#include "rmfork/test/fuzz/kernel/module.h"
#include "rmfork/test/fuzz/kernel/shared.h"

namespace rmfork::fuzz {

// Makes such a process, dumps it, restores it to others, and complains about wrong contents.
void round_trip(const Module& module, Shared& shared, std::uint64_t seed);

}  // namespace rmfork::fuzz

#endif  // RMFORK_TEST_FUZZ_KERNEL_ROUND_TRIP_H
