// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/stat.h>

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace criu::files {

// Tells for which open files /proc/pid/fdinfo says nothing that a descriptor of them would not say:
// regular files of ordinary file systems that nobody has locked. A table may have a great many of
// them, and fdinfo is what takes longest to ask.
class PlainFiles {
 public:
  // Reads which files are locked (proc_locks(5)), when the tasks that matter have been stopped.
  // Before, none is plain.
  void look();
  // fd: a descriptor of it, with what fstat(2) tells. May be called by several threads.
  bool has(int fd, const struct stat& st);

 private:
  struct FileSystem {
    bool is_ordinary;
    bool
        has_own_numbers;  // its inodes may be known to the kernel by other numbers than to fstat(2)
  };
  FileSystem file_system(int fd, dev_t dev);

  // By look(). Not if the kernel does not show all locks to this process.
  std::optional<std::set<ino_t>> locked_;
  bool locked_elsewhere_ = false;  // there are locks on a file system without a device
  std::mutex mutex_;
  std::map<dev_t, FileSystem> file_systems_;  // by mutex_
};

}  // namespace criu::files
