// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <vector>

#include "criu/task/frozen-tree.h"

namespace criu {

// Throws Error where a task may hold adjustments of System V semaphores, to be made when it ends
// (semop(2) SEM_UNDO). The kernel tells nobody; what shows is that a task has a list for them, as
// one with threads always has, and that it was the last to operate on a semaphore there is.
void refuse_sem_undo(const std::vector<FrozenTask>& tasks);

}  // namespace criu
