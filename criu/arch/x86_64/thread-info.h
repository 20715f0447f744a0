// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "compel/registers.h"
#include "criu/image/message.h"

namespace criu::arch {

// The processor state of a thread as the image has it. An interrupted system call is stored as one
// that is to be made again (or that returned EINTR, see compel::without_pending_restart). Throws
// Error for state the format has no room for (AMX tiles in use, a 32-bit task).
ThreadInfoX86* thread_info(image::Arena& arena, const compel::Registers& regs,
                           uint64_t clear_tid_addr);

// And back, laid out for this processor. Throws Error where it lacks what was in use.
compel::Registers registers_of(const ThreadInfoX86& info);

}  // namespace criu::arch
