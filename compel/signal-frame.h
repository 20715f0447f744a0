// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "compel/registers.h"

namespace compel {

// Bytes that a frame needs, alignment included.
size_t signal_frame_size(const Registers& regs);

// A signal frame as rt_sigreturn(2) takes it back (arch/x86/kernel/signal_64.c, struct
// rt_sigframe), for the address it will stand at. rt_sigreturn then gives the thread these
// registers and this signal mask; its alternate signal stack stays as it is.
//
// The frame begins with the restorer's address, so that a `ret` with %rsp at the frame gets to it.
// addr: 64-byte aligned address of the first byte to write.
class SignalFrame {
 public:
  SignalFrame(const Registers& regs, uint64_t sigmask, uint64_t addr, uint64_t restorer);

  const std::vector<uint8_t>& bytes() const { return bytes_; }
  uint64_t addr() const { return addr_; }
  // %rsp for the `ret` that enters the restorer.
  uint64_t ret_sp() const { return addr_; }
  // %rsp at the rt_sigreturn system call itself.
  uint64_t sigreturn_sp() const { return addr_ + 8; }

 private:
  uint64_t addr_;
  std::vector<uint8_t> bytes_;
};

}  // namespace compel
