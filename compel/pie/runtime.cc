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
// Where the tracer has died: undoes what blob_main did, if anything.
extern "C" void blob_left_alone(void* data, uint32_t thread_index);

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

// Waits to be taken back by the tracer; returns only where that has died. A futex wait without a
// timeout keeps nothing in the task's restart block: the interrupted call of the task itself may
// still need it.
static void park(uint32_t* tracer) {
  for (;;) {
    uint32_t seen = __atomic_load_n(tracer, __ATOMIC_SEQ_CST);
    if ((seen & FUTEX_OWNER_DIED) != 0 || (seen & FUTEX_TID_MASK) == 0) break;
    // The kernel wakes nobody but where it is told that somebody waits.
    if ((seen & FUTEX_WAITERS) == 0 &&
        !__atomic_compare_exchange_n(tracer, &seen, seen | FUTEX_WAITERS, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST))
      continue;
    pie::syscall(__NR_futex, tracer, FUTEX_WAIT, seen | FUTEX_WAITERS, 0);
  }
  // It wakes one of them, who wakes the others.
  pie::syscall(__NR_futex, tracer, FUTEX_WAKE, __INT_MAX__);
}

uint64_t blob_run(pie::ThreadControl* ctl) {
  blob_main(reinterpret_cast<void*>(ctl->data), ctl->index);

  auto* count = reinterpret_cast<uint32_t*>(ctl->done_count);
  __atomic_fetch_add(count, 1, __ATOMIC_SEQ_CST);
  pie::syscall(__NR_futex, count, FUTEX_WAKE, 1);

  park(reinterpret_cast<uint32_t*>(ctl->tracer));
  blob_left_alone(reinterpret_cast<void*>(ctl->data), ctl->index);
  return __atomic_load_n(&ctl->sigreturn_sp, __ATOMIC_SEQ_CST);
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
