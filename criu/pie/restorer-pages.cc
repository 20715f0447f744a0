// SPDX-License-Identifier: GPL-2.0-only
//
// The restorer's part that fills memory from the pages image, in several threads where it is much.

#include <linux/sched.h>

#include "criu/pie/page-reading.h"
#include "criu/pie/restorer-common.h"

namespace criu::pie {

namespace {

// Takes batches until none is left.
void fill(RestorerArgs* args, uint8_t* buffer) {
  for (;;) {
    const uint64_t i = __atomic_fetch_add(&args->next_read, 1, __ATOMIC_SEQ_CST);
    if (i >= args->nr_reads) return;
    const PageRead& read = args->reads[i];
    PageReading reading(args->pages_fd, read.offset, args->pages + read.first_iov, read.nr_iov,
                        buffer, args->page_buffer_size);
    while (!reading.is_done()) {
      const long got = reading.go_on();
      if (got <= 0) give_up(args, kStepReadPages, got, reading.address());
    }
  }
}

[[noreturn]] void filler_main(void* argument) {
  auto* filler = static_cast<PageFiller*>(argument);
  fill(filler->args, filler->buffer);
  for (;;) ::pie::syscall(__NR_exit, 0);
}

// Where no thread is to be had the others do its work. Not with CLONE_SYSVSEM: that would give the
// task a list of what semop(2) is to undo (ipc/sem.c, copy_semundo()), which kcmp(2) tells.
void start(PageFiller& filler) {
  clone_args ca{};
  ca.flags = CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
  ca.parent_tid = ca.child_tid = reinterpret_cast<uint64_t>(&filler.running);
  ca.stack_size = kFillerStack;
  ca.stack = filler.stack_top - kFillerStack;
  filler.tid = static_cast<int32_t>(start_thread(&ca, filler_main, &filler));
}

// Until the number can be another thread's: the kernel clears `running` somewhat earlier.
void wait_for(RestorerArgs* args, PageFiller& filler) {
  if (filler.tid <= 0) return;
  while (const uint32_t tid = __atomic_load_n(&filler.running, __ATOMIC_SEQ_CST))
    wait_on(args, &filler.running, tid);
  while (::pie::syscall(__NR_tgkill, ::pie::syscall(__NR_getpid), filler.tid, 0) == 0)
    ::pie::syscall(__NR_sched_yield);
}

}  // namespace

void fill_pages(RestorerArgs* args) {
  for (uint64_t i = 0; i < args->nr_fillers; i++) start(args->fillers[i]);
  fill(args, args->page_buffer);
  for (uint64_t i = 0; i < args->nr_fillers; i++) wait_for(args, args->fillers[i]);
}

}  // namespace criu::pie
