// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <linux/filter.h>
#include <sys/types.h>

#include <cstdint>
#include <vector>

namespace compel {

// One filter of a thread: seccomp(2) SECCOMP_SET_MODE_FILTER.
struct SeccompFilter {
  std::vector<sock_filter> code;
  uint32_t flags;  // SECCOMP_FILTER_FLAG_LOG, the only one that is told
};

// For a thread that the caller traces, and that is stopped. Both take CAP_SYS_ADMIN, and a caller
// without seccomp (kernel/seccomp.c, get_nth_filter(); kernel/ptrace.c, check_ptrace_options()).
// Errors: compel::Error.

// From the first that was set on.
std::vector<SeccompFilter> read_seccomp_filters(pid_t tid);
// No call of the thread is filtered any more while it is traced, nor in strict mode killed for.
// with_us: as Tracee::seize() was told.
void suspend_seccomp(pid_t tid, bool with_us);

}  // namespace compel
