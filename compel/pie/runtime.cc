// SPDX-License-Identifier: GPL-2.0-only
//
// The freestanding part below every parasite blob: the entry, the way out, and the functions that
// a compiler calls by itself.
//
// The way out must work with nobody there. A thread whose tracer has died leaves through
// rt_sigreturn to the registers and the mask it was stopped with.

#include <linux/futex.h>
#include <stddef.h>

#include "compel/pie/syscalls.h"
#include "compel/pie/thread-control.h"

extern "C" void blob_main(void* data, uint32_t thread_index);

extern "C" {

void* memset(void* to, int byte, size_t n) {
  void* ret = to;
  asm volatile("rep stosb" : "+D"(to), "+c"(n) : "a"(byte) : "memory");
  return ret;
}

void* memcpy(void* to, const void* from, size_t n) {
  void* ret = to;
  asm volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(n) : : "memory");
  return ret;
}

// Sleeps in a call that keeps nothing in the task's restart block (as nanosleep or a timed futex
// wait would): the interrupted call of the task itself may still need it.
static void sleep_slice() {
  struct {
    long sec, nsec;
  } ts = {0, pie::kParkSliceMs * 1000000L};
  pie::syscall(__NR_ppoll, 0, 0, &ts, 0, 0);
}

uint64_t blob_run(pie::ThreadControl* ctl) {
  blob_main(reinterpret_cast<void*>(ctl->data), ctl->index);

  __atomic_store_n(&ctl->state, pie::kDone, __ATOMIC_SEQ_CST);
  auto* count = reinterpret_cast<uint32_t*>(ctl->done_count);
  __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
  pie::syscall(__NR_futex, count, FUTEX_WAKE, 1);

  for (unsigned i = 0; i < pie::kParkSlices; i++) sleep_slice();
  __atomic_store_n(&ctl->state, pie::kLeft, __ATOMIC_SEQ_CST);
  return ctl->sigreturn_sp;
}

// %rdi: the thread's control block; %rsp: the top of its stack.
asm(R"(
  .pushsection .text.blob_entry, "ax"
  .globl blob_entry
blob_entry:
  call blob_run
  mov %rax, %rsp
  mov $15, %eax
  syscall
  ud2
  .popsection
)");
}
