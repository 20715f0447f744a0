// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <list>
#include <span>
#include <vector>

#include "compel/parasite.h"
#include "criu/mm/vma.h"
#include "criu/task/task-answer.h"

namespace criu {

// Lets tasks that have been dumped be killed without a trace in memory that others have as well.
//
//   Farewell farewell;
//   farewell.say(...);      // for each task; only where there would be a trace
//   tree.kill();
//   farewell.done();
//
// The kernel gives a mutex that a thread holds at its end to the next one as that of a dead owner
// (get_robust_list(2)), and clears the word of set_tid_address(2); but the owner comes back with
// the restore. Each thread waits for its end without them, inside a parasite: should this process
// die, it has both again before it goes on as it was.
class Farewell {
 public:
  // threads: as they have stopped. ranges, vmas: of the task. Throws nothing: a trace is no reason
  // to let a task live whose images are whole.
  void say(pid_t pid, std::span<const compel::StoppedThread> threads,
           const std::vector<compel::Range>& ranges, const std::vector<mm::Vma>& vmas,
           const TaskAnswer& answer) noexcept;
  // The tasks have been killed.
  void done();

 private:
  std::list<compel::Parasite> parasites_;
  compel::GadgetMemo memo_;
};

// Whether the robust list of a thread, or what is pending there, has a futex in one of the mappings
// that are shared. head: as get_robust_list(2) gives it. Reads the list as far as the kernel would.
bool holds_shared_mutex(const compel::Memory& memory, uint64_t head,
                        const std::vector<mm::Vma>& vmas);

}  // namespace criu
