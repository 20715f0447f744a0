// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "criu/task/tree-plan.h"

namespace criu {

// A number is given to a task again once no process, group or session has it (kernel/pid.c). What
// has left a tree, but neither its group nor its session, keeps their number when all of the tree
// has been killed: no restore could then make that task on this machine. Throws Error that names
// it. The plan is of tasks that are there.
void refuse_outside_members(const TreePlan& plan);

}  // namespace criu
