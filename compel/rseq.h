// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>

#include "compel/memory.h"
#include "compel/tracee.h"

namespace compel {

// The registers of a stopped thread, as they stand once the kernel has looked at its rseq(2)
// critical section: a thread that was stopped within one resumes at the section's abort handler.
// The kernel does so when the thread itself goes on; whoever continues it by other means has to,
// before.
Registers stopped_registers(const Tracee& tracee, const RseqConfig& rseq, const Memory& memory);

// What a parasite has to know of a thread that has stopped, to bring it back to where it is.
struct StoppedThread {
  StoppedThread(Tracee& of, const Memory& memory);

  Tracee* tracee;
  RseqConfig rseq;
  Registers regs;  // stopped_registers()
  uint64_t blocked;
  std::optional<bool> diverts;  // Tracee::diverts_syscalls()
};

}  // namespace compel
