// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-look.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/parallel.h"
#include "criu/base/proc.h"
#include "criu/files/descriptor-table.h"

namespace criu::files {

namespace {

uint64_t field(const std::string& fdinfo, std::string_view key, int base) {
  uint64_t value = 0;
  proc::each_line(fdinfo, [&](std::string_view line) {
    if (line.starts_with(key)) value = proc::to_u64(line.substr(key.size()), base);
  });
  return value;
}

struct stat stat_of(const struct statx& x) {
  struct stat st {};
  st.st_dev = makedev(x.stx_dev_major, x.stx_dev_minor);
  st.st_ino = x.stx_ino;
  st.st_mode = x.stx_mode;
  st.st_nlink = x.stx_nlink;
  st.st_uid = x.stx_uid, st.st_gid = x.stx_gid;
  st.st_rdev = makedev(x.stx_rdev_major, x.stx_rdev_minor);
  st.st_size = static_cast<off_t>(x.stx_size);
  st.st_blksize = x.stx_blksize;
  st.st_blocks = static_cast<blkcnt_t>(x.stx_blocks);
  const auto time = [](const statx_timestamp& t) { return timespec{t.tv_sec, t.tv_nsec}; };
  st.st_atim = time(x.stx_atime), st.st_mtim = time(x.stx_mtime), st.st_ctim = time(x.stx_ctime);
  return st;
}

void look_at_inode(OpenFile& f, const DescriptorTable& table) {
  struct statx x {};
  if (statx(f.own.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &x) < 0) {
    const int err = errno;
    f.link = table.link(f.fd);
    if (err == ENOENT || err == ESRCH)  // fs/proc/fd.c, proc_fd_getattr()
      fail_for_now("{}: the process that it belongs to has ended: not supported yet", f.who());
    errno = err;
    fail_errno("cannot examine {}", f.who());
  }
  f.st = stat_of(x);
  f.attributes = x.stx_attributes;
  f.link = table.link(f.fd);
}

void look_at_owner(OpenFile& f) {
  const int fd = f.own.get();
  const auto ask = [&](int command, auto... to) {
    const int result = fcntl(fd, command, to...);
    if (result < 0) fail_errno("cannot read the owner of {}", f.who());
    return result;
  };
  constexpr int kGetOwnerUids = 17;  // F_GETOWNER_UIDS, linux/fcntl.h
  f.owner.signal = ask(F_GETSIG);
  f_owner_ex owner{};
  ask(F_GETOWN_EX, &owner);
  if (owner.pid == 0) return;
  ask(kGetOwnerUids, f.owner.uids);
  f.owner.type = owner.type, f.owner.pid = owner.pid;
}

}  // namespace

OpenFile look_at_descriptor(const DescriptorTable& table, int fd) {
  OpenFile f;
  f.pid = table.pid();
  f.fd = fd;
  f.own = OwnDescriptor(table.source(), fd);
  look_at_inode(f, table);
  f.fdinfo = table.info(fd);
  f.flags = static_cast<int>(field(f.fdinfo, "flags:", 8)) & ~O_CLOEXEC;
  f.position = field(f.fdinfo, "pos:", 10);
  if ((f.flags & O_PATH) == 0) look_at_owner(f);
  f.own.reset();
  return f;
}

TableLook::TableLook(pid_t pid) : pid_(pid) {}
TableLook::~TableLook() = default;

void TableLook::look() {
  table_ = std::make_unique<DescriptorTable>(pid_);
  const std::vector<int> numbers = table_->numbers();
  files.resize(numbers.size());
  constexpr size_t kGrain = 64;
  for_each_in_parallel(numbers.size(), kGrain,
                       [&](size_t i) { files[i] = look_at_descriptor(*table_, numbers[i]); });
  sort();
}

void TableLook::sort() {
  std::map<std::pair<dev_t, ino_t>, std::vector<int>> by_inode;
  for (const OpenFile& f : files) by_inode[{f.st.st_dev, f.st.st_ino}].push_back(f.fd);
  for (const auto& [inode, fds] : by_inode) in_order[inode] = sort_open_files(pid_, fds);
}

void TableLook::close() {
  files.clear();
  in_order.clear();
  table_.reset();
}

OpenFile look_at_place(pid_t pid, const std::string& link, int open_flags) {
  OpenFile file;
  file.pid = pid;
  file.place = link;
  file.flags = open_flags;
  const std::string path = file.path();
  file.link = read_link(path);
  if (stat(path.c_str(), &file.st) < 0) fail_errno("cannot examine {}", path);
  return file;
}

}  // namespace criu::files
