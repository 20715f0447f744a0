// SPDX-License-Identifier: GPL-2.0-only
//
// Waits for the end of the task without a robust list and without an address to be cleared. Where
// the end does not come, as the dumper has died, the thread has both again before it goes on.

#include "criu/pie/farewell-args.h"

#include "compel/pie/syscalls.h"

using criu::pie::Farewell;

namespace {

constexpr unsigned long kRobustListSize = 24;  // struct robust_list_head, linux/futex.h

}  // namespace

extern "C" void blob_main(void* data, uint32_t index) {
  const Farewell* mine = static_cast<Farewell*>(data) + index;
  // The kernel takes no list of another size, so there is none either.
  if (mine->robust_list != 0) pie::syscall(__NR_set_robust_list, 0, kRobustListSize);
  if (mine->clear_tid_address != 0) pie::syscall(__NR_set_tid_address, 0);
}

extern "C" void blob_left_alone(void* data, uint32_t index) {
  const Farewell* mine = static_cast<Farewell*>(data) + index;
  if (mine->robust_list != 0)
    pie::syscall(__NR_set_robust_list, mine->robust_list, mine->robust_list_len);
  if (mine->clear_tid_address != 0) pie::syscall(__NR_set_tid_address, mine->clear_tid_address);
}
