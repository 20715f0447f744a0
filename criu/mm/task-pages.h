// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <vector>

#include "criu/mm/page-dump.h"

namespace criu::mm {

// Reads the pages of a stopped task, whatever their protection.
//
// process_vm_readv(2) moves most at a time. It pins what it reads, though, and a page that the task
// shares with others since fork(2) the kernel would copy first, for this task alone (mm/gup.c,
// gup_must_unshare()): that would cost more than the reading, and the task memory that it never
// asked for. Such pages are read through /proc/pid/mem.
//
// shared: where they may be, by address.
PageSource task_pages(pid_t pid, std::vector<PageRun> shared = {});

}  // namespace criu::mm
