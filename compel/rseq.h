// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "compel/memory.h"
#include "compel/tracee.h"

namespace compel {

// The registers of a stopped thread, as they stand once the kernel has looked at its rseq(2)
// critical section: a thread that was stopped within one resumes at the section's abort handler.
// The kernel does so when the thread itself goes on; whoever continues it by other means has to,
// before.
Registers stopped_registers(const Tracee& tracee, const Memory& memory);

}  // namespace compel
