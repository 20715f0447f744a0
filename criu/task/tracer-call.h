// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "compel/tracee.h"

namespace criu {

// What the restorer of a task tells its tracer: RestorerArgs, from syscall_ip on.
struct ToldByRestorer {
  uint64_t syscall_ip, held_lists, scratch;
};

// Bytes of scratch that every task has.
constexpr size_t kLeastScratch = 64;

// The thread makes the call from within the restorer, where it never gets to run otherwise. Returns
// what the call does: a negative errno where it fails.
int64_t try_from_restorer(compel::Tracee& thread, const ToldByRestorer& told, long nr,
                          const std::array<uint64_t, 5>& args);
// The same. Throws Error where the call fails; what: the beginning of a sentence about it.
void call_from_restorer(compel::Tracee& thread, const ToldByRestorer& told, long nr,
                        const std::array<uint64_t, 3>& args, const char* what);

}  // namespace criu
