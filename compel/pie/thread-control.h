// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <stdint.h>

// What the tracer and one thread that runs a blob share. Plain data, in the shared mapping.
namespace pie {

enum ThreadState : uint32_t {
  kRunning = 0,
  kDone = 1,  // the blob's work is done; the thread waits to be taken back by the tracer
  kLeft = 2,  // nobody came: the thread has gone on by itself through its signal frame
};

struct ThreadControl {
  uint32_t state;
  uint32_t index;         // 0: the leader
  uint64_t data;          // address, in the task, of the data area
  uint64_t done_count;    // address, in the task, of the word counted up (and woken) at kDone
  uint64_t sigreturn_sp;  // %rsp for rt_sigreturn
};

// How long a finished thread waits for its tracer before it concludes that the tracer has died.
constexpr unsigned kParkSliceMs = 20;
constexpr unsigned kParkSlices = 50;

}  // namespace pie
