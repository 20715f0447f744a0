// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/plain-files.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/proc.h"

namespace criu::files {

namespace {

// The first PID namespace, PROC_PID_INIT_INO of include/linux/proc_ns.h: in others /proc/locks
// leaves out the locks of those who are not in it.
bool is_in_first_pid_namespace() {
  return read_link("/proc/self/ns/pid") == "pid:[4026531836]";
}

struct LockLine {
  uint64_t major;  // of the file system's device
  ino_t inode;
};

// "1: POSIX  ADVISORY  WRITE 123 08:01:45 0 EOF", "1: -> FLOCK ...": fs/locks.c, lock_get_status().
std::optional<LockLine> parse(std::string_view line) {
  const size_t minor = line.find(':', line.find(':') + 1);
  const size_t inode = line.find(':', minor + 1);
  if (minor == std::string_view::npos || inode == std::string_view::npos) return std::nullopt;
  const size_t major = line.rfind(' ', minor) + 1;
  return LockLine{proc::to_u64(line.substr(major, minor - major), 16),
                  proc::to_u64(line.substr(inode + 1))};
}

}  // namespace

void PlainFiles::look() {
  const auto text = read_file_if_there("/proc/locks");
  if (!text || !is_in_first_pid_namespace()) return;
  locked_.emplace();
  bool understood = true;
  proc::each_line(*text, [&](std::string_view line) {
    const auto lock = parse(line);
    if (!lock) {
      understood = false;
      return;
    }
    locked_->insert(lock->inode);
    if (lock->major == 0) locked_elsewhere_ = true;
  });
  if (!understood) locked_.reset();
}

PlainFiles::FileSystem PlainFiles::file_system(int fd, dev_t dev) {
  const std::lock_guard lock(mutex_);
  const auto [it, is_new] = file_systems_.try_emplace(dev);
  if (!is_new) return it->second;
  struct statfs fs {};
  if (fstatfs(fd, &fs) < 0) fs.f_type = 0;
  switch (fs.f_type) {
    case EXT4_SUPER_MAGIC:
    case XFS_SUPER_MAGIC:
    case BTRFS_SUPER_MAGIC:
    case F2FS_SUPER_MAGIC:
    case TMPFS_MAGIC:
      return it->second = FileSystem{true, false, nullptr};
    case OVERLAYFS_SUPER_MAGIC:
      return it->second = FileSystem{true, true, nullptr};
    case PIPEFS_MAGIC:
      return it->second = FileSystem{true, false, "pipe"};
    case SOCKFS_MAGIC:
      return it->second = FileSystem{true, false, "socket"};
    default:
      return it->second;
  }
}

PlainFiles::Answer PlainFiles::ask(int fd, const struct stat& st) {
  if (!locked_ || locked_->contains(st.st_ino)) return {};
  if (!S_ISREG(st.st_mode) && !S_ISFIFO(st.st_mode) && !S_ISSOCK(st.st_mode)) return {};
  const FileSystem fs = file_system(fd, st.st_dev);
  const bool may_be_locked = fs.has_own_numbers && locked_elsewhere_;
  const bool is_plain = fs.is_ordinary && !may_be_locked;
  return {is_plain && S_ISREG(st.st_mode) == (fs.nameless == nullptr),
          is_plain ? fs.nameless : nullptr};
}

}  // namespace criu::files
