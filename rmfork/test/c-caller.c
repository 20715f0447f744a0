// SPDX-License-Identifier: GPL-2.0-only
//
// The headers meant for C, used from C.
#include <stddef.h>

#include "rmfork/restore-call.h"
#include "rmfork/rmfork.h"

long c_caller_dump(pid_t pid);
int c_caller_restore(pid_t pid, unsigned long off);
long c_caller_issue_nothing(void);

long c_caller_dump(pid_t pid) {
  return rmfork_dump_mm_iov(pid, pid, NULL, 0);
}

int c_caller_restore(pid_t pid, unsigned long off) {
  return rmfork_restore_iov(pid, off, NULL, 0);
}

long c_caller_issue_nothing(void) {
  struct rmfork_restore_call call = {.how = RMFORK_HOW_NONE};

  return rmfork_issue(&call);
}
