// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/sem-undo.h"

#include <linux/kcmp.h>
#include <sys/sem.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <sstream>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/base/fd.h"

namespace criu {

namespace {

constexpr const char* kSemaphores = "/proc/sysvipc/sem";

// A new process has none: a task that compares as different has one. This process has one if it has
// ever had threads (CLONE_SYSVSEM).
bool has_undo_list(pid_t pid) {
  return run_in_child([pid] {
           return syscall(SYS_kcmp, getpid(), pid, KCMP_SYSVSEM, 0, 0) != 0 ? 1 : 0;
         }) != 0;
}

}  // namespace

void refuse_sem_undo(const std::vector<FrozenTask>& tasks) {
  const auto semaphores = read_file_if_there(kSemaphores);
  if (!semaphores) return;  // a kernel without them
  std::istringstream lines(*semaphores);
  std::string line;
  std::getline(lines, line);  // the headings
  while (std::getline(lines, line)) {
    std::istringstream words(line);
    int key = 0, id = 0, mode = 0, count = 0;
    if (!(words >> key >> id >> mode >> count)) fail("a line of {} cannot be read", kSemaphores);
    for (int i = 0; i < count; i++) {
      const int pid = semctl(id, i, GETPID);
      if (pid <= 0) continue;  // never used, or removed by now
      const auto user = std::ranges::find(tasks, pid, &FrozenTask::pid);
      if (user != tasks.end() && !user->is_zombie() && has_undo_list(pid))
        fail(
            "task {} uses the System V semaphore set {} and may have adjustments to undo there "
            "(SEM_UNDO): not supported yet",
            pid, id);
    }
  }
}

}  // namespace criu
