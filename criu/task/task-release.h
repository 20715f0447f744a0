// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <vector>

#include "compel/registers.h"
#include "criu/task/keeper.h"
#include "criu/task/task-restore.h"

namespace criu {

// The last step of a restore: every thread waits in its restorer. Each is traced, the restorer is
// unmapped by a system call of its own, the registers and masks of the images are set, and the
// threads are let go. Nothing of the tasks has run before, and nothing can fail once the first has
// been let go.
//
// registers: of all threads of living tasks, in the order of the plan. keeper: is dismissed, with
// all that it has been told of.
void release_tasks(const TreePlan& plan, const TaskSlot* slots,
                   const std::vector<compel::Registers>& registers, bool leave_stopped,
                   Keeper& keeper);

}  // namespace criu
