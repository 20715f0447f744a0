// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <signal.h>

namespace criu {

// SIGPIPE and SIGXFSZ: what these two have to say, write(2) says too, by an error.
//
// Ignores them for this process, which is to say what went wrong and undo it.
void ignore_write_signals();
// Before another program is executed in this process: as they were.
void restore_write_signals();
// The two, for a program that is started by it.
sigset_t write_signals();
// After a write that failed. In a thread that has them blocked, as a task that is being restored
// has, they are not ignored but wait: takes them.
void take_write_signals();

}  // namespace criu
