// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <stdint.h>

// What the tracer and one thread that runs a blob share. Plain data, in the shared mapping.
namespace pie {

struct ThreadControl {
  uint32_t index;  // 0: the leader
  uint32_t pad;
  uint64_t data;        // address, in the task, of the data area
  uint64_t done_count;  // address, in the task, of the word counted up (and woken) when done
  // Address, in the task, of the futex that the tracer holds as long as it lives: it is the lock
  // word of a robust mutex (get_robust_list(2)), in which the kernel tells of its owner's death.
  uint64_t tracer;
  uint64_t sigreturn_sp;  // %rsp for rt_sigreturn
};

}  // namespace pie
