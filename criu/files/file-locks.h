// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "criu/files/file-kind.h"
#include "criu/pie/restorer-args.h"

namespace criu::files {

// Locks of files: flock(2) and F_OFD_SETLK belong to an open file, F_SETLK to a process, fcntl(2);
// leases (F_SETLEASE) to an open file, and a lease that is being broken is so again. Who waits for
// one goes on waiting by itself.
class FileLocksDump {
 public:
  // The locks that show in the fdinfo of a descriptor. Throws Error for those that cannot be
  // stored.
  void add(const OpenFile& file, uint32_t file_id);
  // All have been added: throws Error for one that could not be taken again.
  void check() const;
  void write(const image::Directory& dir) const;

  // A lease that others may not even read the file with, or one that is being broken. for_reading:
  // as far as the kernel tells, one to read.
  struct Lease {
    dev_t device;
    ino_t inode;
    bool for_reading;
    std::string who;
  };
  const std::vector<Lease>& leases() const { return leases_; }

 private:
  struct Lock {
    uint32_t flag, type;
    int64_t start, length;
  };
  static uint32_t lease_type(std::string_view state, std::string_view type);
  static Lock parse(const OpenFile& file, std::string_view line);

  // What a lock belongs to: an open file's id; or a process and an inode, each of whose descriptors
  // shows it.
  using Owner = std::tuple<uint32_t, pid_t, dev_t, ino_t>;
  using Key = std::tuple<Owner, uint32_t, uint32_t, int64_t, int64_t>;
  struct Holder {
    pid_t pid;
    int fd;
    bool may_lock;  // it is open for what the lock wants
  };
  std::map<Key, Holder> locks_;
  std::vector<Lease> leases_;
};

class FileLocksRestore {
 public:
  explicit FileLocksRestore(const image::Directory& dir);

  // In the task, whose descriptors are in their places: takes those of open files. Throws Error
  // where somebody else has one by now.
  void take(pid_t pid) const;
  // Those of the process. They go with any descriptor of the file that is closed: to be taken last.
  std::vector<pie::FileLock> of_process(pid_t pid) const;

 private:
  struct Lock {
    uint32_t flag;
    pie::FileLock what;
  };
  std::map<pid_t, std::vector<Lock>> locks_;
};

}  // namespace criu::files
