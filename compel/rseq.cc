// SPDX-License-Identifier: GPL-2.0-only
#include "compel/rseq.h"

#include "compel/error.h"

namespace compel {

namespace {

// include/uapi/linux/rseq.h
struct RseqCs {
  uint32_t version, flags;
  uint64_t start_ip, post_commit_offset, abort_ip;
};
constexpr uint64_t kRseqCsOffset = 8;  // of struct rseq's rseq_cs

}  // namespace

Registers stopped_registers(const Tracee& tracee, const RseqConfig& rseq, const Memory& memory) {
  Registers regs = tracee.registers();
  if (rseq.pointer == 0) return regs;
  uint64_t pointer = 0;
  RseqCs cs{};
  if (memory.read_some(rseq.pointer + kRseqCsOffset, &pointer, sizeof pointer) != sizeof pointer ||
      pointer == 0 || memory.read_some(pointer, &cs, sizeof cs) != sizeof cs)
    return regs;
  if (regs.general.rip - cs.start_ip < cs.post_commit_offset) regs.general.rip = cs.abort_ip;
  return regs;
}

StoppedThread::StoppedThread(Tracee& of, const Memory& memory)
    : tracee(&of),
      rseq(of.rseq()),
      regs(stopped_registers(of, rseq, memory)),
      blocked(of.blocked_signals()),
      diverts(of.diverts_syscalls()) {}

}  // namespace compel
