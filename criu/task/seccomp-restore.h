// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "compel/memory.h"
#include "compel/tracee.h"
#include "criu/task/tracer-call.h"
#include "criu/task/tree-plan.h"

namespace criu {

// Seccomp comes last, when a thread has nothing left to do but what its tracer asks for: filters
// would see the calls of the restorer, and could end it.
//
// Filters take CAP_SYS_ADMIN, or that the thread can get no new privileges (seccomp(2)). One that
// had neither any more gets its credentials with that capability, and is rid of it behind its
// filters.
constexpr uint64_t kAdmin = uint64_t{1} << 21;  // CAP_SYS_ADMIN
// i: which thread of the task.
bool lends_admin(const PlannedTask& task, size_t i);

// How much of RestorerArgs::scratch the task needs, in bytes.
size_t seccomp_scratch_size(const PlannedTask& task);

// threads: all of the task, traced, waiting in the restorer. memory: theirs.
void restore_seccomp(const PlannedTask& task, const std::vector<compel::Tracee*>& threads,
                     compel::Memory& memory, const ToldByRestorer& told);

}  // namespace criu
