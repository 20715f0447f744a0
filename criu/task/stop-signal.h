// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstddef>

#include "criu/task/tree-plan.h"

namespace criu {

// Whether the task, at its dump, had no handler for the signal and did not ignore it. Not for
// SIGKILL and SIGSTOP, which have no action in the images.
bool has_default_action(const TaskCoreEntry& tc, int sig);

// The signal that stops a restored task, all of whose threads are seized, as it had been stopped.
// SIGSTOP where the one that did it at the dump would have another effect now: it is handled,
// blocked, waits behind other signals, or the task's process group has become an orphaned one.
int stop_signal(const TreePlan& plan, const PlannedTask& task);

// Which of its threads takes that signal: one that has not blocked it.
size_t taker_of(const PlannedTask& task, int sig);

}  // namespace criu
