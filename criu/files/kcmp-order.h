// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <vector>

// kcmp(2) KCMP_FILE puts open files in an order that no task can foresee, but that is one for all.
namespace criu::files {

// Below, at or above 0, as descriptor fd of task pid comes before the other, is the same open file,
// or comes after it. Throws Error.
int compare_open_files(pid_t pid, int fd, pid_t other_pid, int other_fd);

// Descriptors of a task that refer to one open file, by number.
using Duplicates = std::vector<int>;
// Which descriptors of a task are the same open file, in the order of these. Compares as seldom as
// sorting allows, in as many threads as there are processors. Throws Error.
std::vector<Duplicates> sort_open_files(pid_t pid, const std::vector<int>& fds);

}  // namespace criu::files
