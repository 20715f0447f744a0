// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "criu/files/file-kind.h"
#include "criu/files/kcmp-order.h"

// What can be seen of the open files of a stopped task by whoever asks: this needs neither the
// tracer nor what is known of other tasks, and is done for several tasks at the same time.
namespace criu::files {

class DescriptorTable;

// One descriptor, whose `own` is got when it is needed: the table has to outlive it.
OpenFile look_at_descriptor(const DescriptorTable& table, int fd);

// All descriptors of a task. What is seen can be had until close().
class TableLook {
 public:
  explicit TableLook(pid_t pid);
  ~TableLook();
  // Throws Error.
  void look();
  void close();

  pid_t pid() const { return pid_; }
  std::vector<OpenFile> files;  // by number
  // Those of each inode, in kcmp's order. By inode.
  std::map<std::pair<dev_t, ino_t>, std::vector<Duplicates>> in_order;

 private:
  void sort();

  pid_t pid_;
  std::unique_ptr<DescriptorTable> table_;
};

// A place that a task holds besides its descriptors: link is cwd, root, exe, or map_files/<range>.
// open_flags: how it is to be opened.
OpenFile look_at_place(pid_t pid, const std::string& link, int open_flags);

}  // namespace criu::files
