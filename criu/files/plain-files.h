// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/stat.h>

#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace criu::files {

// Tells for which open files /proc/pid says nothing that a descriptor of them would not say: pipes,
// sockets, and regular files of ordinary file systems; if nobody has locked them. A table may have
// a great many of them, and what /proc says takes longest to ask.
class PlainFiles {
 public:
  // Reads which files are locked (proc_locks(5)), when the tasks that matter have been stopped.
  // Before, none is plain.
  void look();
  // What kind of thing a file is, by a descriptor of it and what fstat(2) tells. May be called by
  // several threads.
  struct Answer {
    bool is_plain = false;
    const char* nameless = nullptr;  // "socket" of "socket:[17]", whose link needs not be read
  };
  Answer ask(int fd, const struct stat& st);

 private:
  struct FileSystem {
    bool is_ordinary = false;
    bool has_own_numbers = false;  // inodes may have other numbers in /proc/locks than in fstat(2)
    const char* nameless = nullptr;  // as in Answer
  };
  FileSystem file_system(int fd, dev_t dev);

  // By look(). Not if the kernel does not show all locks to this process.
  std::optional<std::set<ino_t>> locked_;
  bool locked_elsewhere_ = false;  // there are locks on a file system without a device
  std::mutex mutex_;
  std::map<dev_t, FileSystem> file_systems_;  // by mutex_
};

}  // namespace criu::files
