// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "criu/task/tree-plan.h"

namespace criu {

// The signal that stops a restored task, all of whose threads are seized, as it had been stopped.
// SIGSTOP where the one that did it at the dump would have another effect now: it is handled,
// blocked, waits behind other signals, or the task's process group has become an orphaned one.
int stop_signal(const TreePlan& plan, const PlannedTask& task);

}  // namespace criu
