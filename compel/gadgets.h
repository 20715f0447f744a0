// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "compel/memory.h"

namespace compel {

// A mapping of a task, as far as compel has to know it.
struct Range {
  uint64_t start = 0;
  uint64_t end = 0;  // exclusive
  bool readable = false;
  bool executable = false;
  bool growsdown = false;  // the main thread's stack
  bool vdso = false;
  bool file = false;  // of a program or a library, not what was made at run time
};

// Instructions that the task has in its own text and that a remote call makes use of, so that
// no text has to be changed.
struct Gadgets {
  // `syscall`, then instructions that only drop `drop` bytes from the stack, then `ret`.
  uint64_t syscall_ret = 0;
  uint32_t drop = 0;
  // `mov $__NR_rt_sigreturn, %eax; syscall`: what every libc gives as a signal's restorer.
  uint64_t sigreturn = 0;
};

// Where they were found before. Tasks that run the same libc have them at the same places of it, so
// that its text is searched once; what stands there is looked at in each.
struct GadgetMemo {
  struct Place {
    uint64_t range_bytes = 0;  // size of the mapping; 0: none was found yet
    uint64_t offset = 0;       // in it
  };
  Place syscall_ret, sigreturn;
};

// Looks for them in the vDSO first, then in the text of files, then in what else is executable.
// Throws compel::Error where the task has none (a program that has neither a vDSO nor a libc).
Gadgets find_gadgets(const Memory& memory, std::span<const Range> ranges, GadgetMemo& memo);

// The decoder, for itself: finds the first usable `syscall ... ret` in the bytes.
// Returns the offset and sets drop, or -1.
int64_t find_syscall_ret(std::span<const uint8_t> text, uint32_t& drop);
// Finds the first `mov $15, %eax|%rax; syscall`. Returns the offset or -1.
int64_t find_sigreturn(std::span<const uint8_t> text);

}  // namespace compel
