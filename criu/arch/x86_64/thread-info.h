// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <span>

#include "compel/registers.h"
#include "criu/image/message.h"

namespace criu::arch {

// The processor state of a thread as the image has it. An interrupted system call is stored as one
// that is to be made again (or that returned EINTR, see compel::without_pending_restart). Throws
// Error for state the format has no room for (a 32-bit task).
ThreadInfoX86* thread_info(image::Arena& arena, const compel::Registers& regs,
                           uint64_t clear_tid_addr);

// And back, laid out for this processor. Throws Error where it lacks what was in use.
compel::Registers registers_of(const ThreadInfoX86& info);

// The one XSAVE component that a task has only if it asks for it: that of AMX (arch_prctl(2)
// ARCH_REQ_XCOMP_PERM; the kernel's Documentation/arch/x86/xstate.rst).
constexpr unsigned kTileData = 18;
bool uses_tiles(const ThreadInfoX86& info);
// Throws Error where a component that was asked for is not to be had here, or one is in use that
// was not.
void check_asked_for(const TaskCoreEntry& task, std::span<const CoreEntry* const> threads);

}  // namespace criu::arch
