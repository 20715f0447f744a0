// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <exception>
#include <optional>
#include <vector>

#include "criu/base/error.h"
#include "criu/files/file-dump.h"
#include "criu/mm/mm-dump.h"
#include "criu/task/core-dump.h"
#include "criu/task/frozen-tree.h"
#include "criu/task/ids.h"
#include "criu/task/task-answer.h"

namespace criu {

// All that is known of one live task, step by step: look() at what can be seen from outside, of
// several tasks at the same time; add() it to the dump, one task after the other; ask the task
// what it alone can tell; write() its images. What look() refused, or failed at, shows in add(): of
// several reasons it is the one that comes first there.
class TaskDump {
 public:
  // The task outlives it. shares_table: another task has its descriptor table too, and is asked for
  // that.
  TaskDump(FrozenTask& frozen, bool shares_table)
      : task_(frozen),
        shares_table_(shares_table),
        core_(frozen),
        mm_(frozen.pid),
        files_(frozen.pid) {}

  // By the tracer, before look().
  void read_stopped();
  // By any thread.
  void look();
  // Throws Error, Transient among them.
  void add(files::FileDump& all_files);

  // By the tracer: what is to be asked; TaskAnswer::ask() asks. Then take_answer(), which throws
  // Error for what only the answer shows, or forget_answer(), which leaves the task as it was.
  TaskAnswer& begin_to_ask(compel::GadgetMemo& memo);
  void take_answer();
  void forget_answer() { answer_.reset(); }

  // Its images but for its cores and its memory. By any thread.
  void write(const image::Directory& dir, const KernelObjectIds& ids) const;

  FrozenTask& task() const { return task_; }
  pid_t pid() const { return task_.pid; }
  const CoreDump& core() const { return core_; }
  // The seccomp filters of its threads, which last as long as the object.
  void add_to(SeccompFilters& filters) { core_.add_to(filters); }
  mm::AddressSpaceDump& mm() { return mm_; }
  const mm::AddressSpaceDump& mm() const { return mm_; }
  TaskAnswer& answer() { return *answer_; }
  const TaskAnswer& answer() const { return *answer_; }

 private:
  enum class Part { kNone, kCore, kMemory, kFiles, kAll };

  template <typename F>
  void try_to(F step);
  void must_have(Part part) const;
  void write_mm(const image::Directory& dir) const;
  void write_fs(const image::Directory& dir) const;
  void write_table(const image::Directory& dir, uint32_t files_id) const;

  FrozenTask& task_;
  bool shares_table_;
  CoreDump core_;
  mm::AddressSpaceDump mm_;
  files::TableLook files_;
  files::OpenFile cwd_file_, root_file_;
  std::vector<files::TableEntry> table_;
  uint32_t cwd_ = 0, root_ = 0;
  std::optional<TaskAnswer> answer_;
  Part looked_at_ = Part::kNone;
  std::exception_ptr failure_;
};

}  // namespace criu
