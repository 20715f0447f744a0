// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "criu/files/file-kind.h"

// What can be seen of the open files of a stopped task by whoever asks: this needs neither the
// tracer nor what is known of other tasks, and is done for several tasks at the same time.
namespace criu::files {

class DescriptorTable;

// One descriptor, as /proc shows it: what takes the open file itself (own, st, fown) is left out,
// as there may be many more than this process may have open.
OpenFile look_at_descriptor(const DescriptorTable& table, int fd);

// All descriptors of a task.
class TableLook {
 public:
  explicit TableLook(pid_t pid) : pid_(pid) {}
  // Throws Error.
  void look();

  pid_t pid() const { return pid_; }
  std::vector<OpenFile> files;  // by number

 private:
  pid_t pid_;
};

// A place that a task holds besides its descriptors: link is cwd, root, exe, or map_files/<range>.
// open_flags: how it is to be opened.
OpenFile look_at_place(pid_t pid, const std::string& link, int open_flags);

}  // namespace criu::files
