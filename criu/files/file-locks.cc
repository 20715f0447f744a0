// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-locks.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "criu/base/error.h"
#include "criu/base/proc.h"

namespace criu::files {

namespace {

// file_lock_entry.flag: what CRIU calls them, not FL_* of include/linux/filelock.h.
constexpr uint32_t kProcess = 1, kFlock = 2, kOpenFile = 4, kLease = 8;
// In file_lock_entry.type of a lease that somebody waits for: the rest of it is what the lease has
// to become, F_UNLCK or F_RDLCK.
constexpr uint32_t kBreaking = 4;

bool is_lease_type(uint32_t type) {
  return type == F_RDLCK || type == F_WRLCK || type == (kBreaking | F_RDLCK) ||
         type == (kBreaking | F_UNLCK);
}

// Of a lease that is to end the kernel does not tell what it was: to write, if the file is open for
// that.
bool is_write_lease(uint32_t type, int file_flags) {
  return type == F_WRLCK || type == (kBreaking | F_RDLCK) ||
         (type == (kBreaking | F_UNLCK) && (file_flags & O_ACCMODE) != O_RDONLY);
}

// One that is to end is taken first, and then broken by an open(2) that does not wait. Nobody is to
// hear of that who heard before the dump: whose it is (F_SETOWN) is set later.
void take_lease(int fd, uint32_t type, pid_t pid) {
  const bool breaking = (type & kBreaking) != 0;
  const int taken = is_write_lease(type, fcntl(fd, F_GETFL)) ? F_WRLCK : F_RDLCK;
  if (fcntl(fd, F_SETLEASE, taken) < 0) {
    if (errno == EAGAIN)
      fail("descriptor {} of task {}: its lease cannot be taken, the file is open elsewhere", fd,
           pid);
    fail_errno("cannot take the lease of descriptor {} of task {}", fd, pid);
  }
  if (fcntl(fd, F_SETOWN, 0) < 0) fail_errno("cannot reset the owner of descriptor {}", fd);
  if (!breaking) return;
  const int mode = (type & ~kBreaking) == F_RDLCK ? O_RDONLY : O_WRONLY;
  const UniqueFd breaker(open(self_fd(fd).c_str(), mode | O_NONBLOCK | O_CLOEXEC));
  if (breaker || errno != EWOULDBLOCK)
    fail("the lease of descriptor {} of task {} cannot be broken as it was", fd, pid);
}

}  // namespace

// What a lease is or, where it is being broken, has to become.
uint32_t FileLocksDump::lease_type(std::string_view state, std::string_view type) {
  const uint32_t target = type == "WRITE" ? F_WRLCK : type == "READ" ? F_RDLCK : F_UNLCK;
  return state == "BREAKING" ? target | kBreaking : target;
}

// "lock:\t1: POSIX  ADVISORY  WRITE 123 08:01:45 0 EOF": fs/locks.c, lock_get_status().
FileLocksDump::Lock FileLocksDump::parse(const OpenFile& file, std::string_view line) {
  enum { kTag, kNumber, kClass, kAdvisory, kType, kPid, kInode, kStart, kEnd, kWords };
  std::array<std::string_view, kWords> words;
  for (std::string_view& word : words) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    word = line.substr(0, line.find_first_of(" \t"));
    line.remove_prefix(word.size());
  }
  Lock lock{};
  if (words[kClass] == "POSIX")
    lock.flag = kProcess;
  else if (words[kClass] == "FLOCK")
    lock.flag = kFlock;
  else if (words[kClass] == "OFDLCK")
    lock.flag = kOpenFile;
  else if (words[kClass] == "LEASE")
    return {kLease, lease_type(words[kAdvisory], words[kType]), 0, 0};
  else
    fail("{}: a lock of the class {} is not supported yet", file.who(), words[kClass]);
  if (words[kType] != "READ" && words[kType] != "WRITE")
    fail("{}: a lock of the type {} is not supported yet", file.who(), words[kType]);
  lock.type = words[kType] == "WRITE" ? F_WRLCK : F_RDLCK;
  lock.start = static_cast<int64_t>(proc::to_u64(words[kStart]));
  if (words[kEnd] != "EOF")
    lock.length = static_cast<int64_t>(proc::to_u64(words[kEnd])) + 1 - lock.start;
  return lock;
}

void FileLocksDump::add(const OpenFile& file, uint32_t file_id) {
  proc::each_line(file.fdinfo, [&](std::string_view line) {
    if (!line.starts_with("lock:")) return;
    const Lock lock = parse(file, line);
    if (lock.flag == kLease && lock.type != F_RDLCK)
      leases_.push_back(
          {file.st.st_dev, file.st.st_ino, !is_write_lease(lock.type, file.flags), file.who()});
    const bool of_process = lock.flag == kProcess;
    const Owner owner =
        of_process ? Owner{0, file.pid, file.st.st_dev, file.st.st_ino} : Owner{file_id, 0, 0, 0};
    const int mode = file.flags & O_ACCMODE;
    const bool may = mode == O_RDWR || mode == (lock.type == F_WRLCK ? O_WRONLY : O_RDONLY);
    const auto [it, is_new] = locks_.try_emplace(
        Key{owner, lock.flag, lock.type, lock.start, lock.length}, Holder{file.pid, file.fd, may});
    if (!is_new && !it->second.may_lock && may) it->second = {file.pid, file.fd, may};
  });
}

void FileLocksDump::check() const {
  for (const auto& [key, holder] : locks_)
    if (!holder.may_lock && std::get<1>(key) != kFlock && std::get<1>(key) != kLease)
      fail("task {}, fd {}: its lock was taken by a descriptor that is closed: not supported yet",
           holder.pid, holder.fd);
}

void FileLocksDump::write(const image::Directory& dir) const {
  image::Writer img(dir, image::Kind::kFileLocks);
  FileLockEntry e = FILE_LOCK_ENTRY__INIT;
  for (const auto& [key, holder] : locks_) {
    std::tie(std::ignore, e.flag, e.type, e.start, e.len) = key;
    e.pid = holder.pid, e.fd = holder.fd;
    img.write(&e);
  }
  img.close();
}

FileLocksRestore::FileLocksRestore(const image::Directory& dir) {
  if (!dir.has(image::file_name(image::Kind::kFileLocks))) return;
  image::Arena arena;
  image::Reader img(dir, image::Kind::kFileLocks);
  while (const auto* e = img.next<FileLockEntry>(arena)) {
    if (e->flag == kLease ? !is_lease_type(e->type) : e->type != F_RDLCK && e->type != F_WRLCK)
      fail("{}: a lock of type {} is impossible", img.name(), e->type);
    if (e->flag != kProcess && e->flag != kFlock && e->flag != kOpenFile && e->flag != kLease)
      fail("{}: a lock with the flags {:#x} is not supported yet", img.name(), e->flag);
    locks_[e->pid].push_back(
        {e->flag, {e->fd, static_cast<int16_t>(e->type), 0, e->start, e->len}});
  }
}

void FileLocksRestore::take(pid_t pid) const {
  const auto it = locks_.find(pid);
  if (it == locks_.end()) return;
  for (const auto& [flag, what] : it->second) {
    struct flock lock {};
    lock.l_type = what.type, lock.l_whence = SEEK_SET;
    lock.l_start = what.start, lock.l_len = what.length;
    int rc = 0;
    if (flag == kLease)
      take_lease(what.fd, static_cast<uint32_t>(what.type), pid);
    else if (flag == kFlock)
      rc = flock(what.fd, (what.type == F_WRLCK ? LOCK_EX : LOCK_SH) | LOCK_NB);
    else if (flag == kOpenFile)
      rc = fcntl(what.fd, F_OFD_SETLK, &lock);
    if (rc < 0 && (errno == EAGAIN || errno == EACCES))
      fail("descriptor {} of task {}: another process has locked the file by now", what.fd, pid);
    if (rc < 0) fail_errno("cannot lock descriptor {} of task {}", what.fd, pid);
  }
}

std::vector<pie::FileLock> FileLocksRestore::of_process(pid_t pid) const {
  std::vector<pie::FileLock> found;
  if (const auto it = locks_.find(pid); it != locks_.end())
    for (const auto& [flag, what] : it->second)
      if (flag == kProcess) found.push_back(what);
  return found;
}

}  // namespace criu::files
