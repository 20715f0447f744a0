// SPDX-License-Identifier: GPL-2.0-only
//
// The memory side of one dump: a snapshot per task, recorded in the images directory, all of it
// undone unless committed.
//
//   rmfork::Kernel kernel = rmfork::Kernel::open(choice);
//   rmfork::DumpSession session(kernel, images_dirfd);
//   for (auto& task : tasks)                       // each stopped, and not infected
//     session.dump_task(task.host_pid, task.vpid, task.ranges, task.is_root);
//   ... the rest of the dump ...
//   session.commit();
//
// Where an earlier dump in the directory is to stay if ubmem has no room, save_task() comes first,
// for all tasks, then record().
#ifndef RMFORK_DUMP_H
#define RMFORK_DUMP_H

#include <sys/types.h>
#include <sys/uio.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rmfork/entry.h"
#include "rmfork/kernel.h"

namespace rmfork {

// What became of one task's memory; for reports.
struct TaskSnapshot {
  pid_t vpid = 0;
  std::uint64_t meta_off = 0;
  std::optional<rmfork_info> info;  // as it was then; absent: the kernel has no extensions
};

// What happens to the snapshots of a process that ends without commit() or rollback(), killed for
// example: freed by the kernel, where it can do that (RMFORK_FEAT_SESSION), or left in ubmem.
enum class Orphans { kFreed, kStay };

class DumpSession {
 public:
  // Borrows both: they must outlive the session. Throws Error.
  DumpSession(Kernel& kernel, int images_dirfd, Orphans orphans = Orphans::kFreed);
  ~DumpSession() { rollback(); }
  DumpSession(const DumpSession&) = delete;
  DumpSession& operator=(const DumpSession&) = delete;

  // Saves one task: the kernel's DUMP, and INFO for what restore will check. `host_pid` is in the
  // caller's pid namespace, `vpid` as in image names. Throws Error; then this task has left no
  // snapshot, the earlier ones are untouched. Where the kernel has sessions, this one can only be
  // dropped then.
  TaskSnapshot save_task(pid_t host_pid, pid_t vpid, std::span<const iovec> ranges, bool root);
  // Writes rmfork-<vpid>.img for each task that has none yet and, for the root task, rmfork.meta.
  // Throws Error; then the session can only be dropped.
  void record();
  // Both, for one task. Throws Error; then this task has left neither snapshot nor file.
  TaskSnapshot dump_task(pid_t host_pid, pid_t vpid, std::span<const iovec> ranges, bool root);

  // From here on the snapshots belong to the images. Throws Error if the kernel refuses, for
  // example because somebody has freed one of them meanwhile; then nothing is committed.
  void commit();

  // Frees the snapshots and removes the files of this session, as the destructor does. Where the
  // kernel cannot free, says so in the log. Never throws.
  void rollback() noexcept;

  const std::vector<TaskSnapshot>& tasks() const { return tasks_; }

  // Bytes of ubmem the session's snapshots took anew: what one of them shares with an earlier one
  // counts once. 0 where the kernel does not tell.
  std::uint64_t stored_bytes() const;

 private:
  struct Record {
    Entry entry;
    bool root;
  };

  void free_snapshot(const TaskSnapshot& snapshot) noexcept;

  Kernel& kernel_;
  int dirfd_;
  Fd owner_;  // the kernel's session; none: the snapshots stay without us
  std::vector<TaskSnapshot> tasks_;
  std::vector<Record> unrecorded_;
  std::vector<std::string> files_;  // that this session has written
};

}  // namespace rmfork

#endif  // RMFORK_DUMP_H
