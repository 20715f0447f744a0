// SPDX-License-Identifier: GPL-2.0-only
//
// Files that are opened by path: regular files, directories, memory devices such as /dev/null, and
// whatever was opened with O_PATH.

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <array>

#include "criu/base/error.h"
#include "criu/base/proc.h"
#include "criu/files/file-identity.h"
#include "criu/files/file-kind.h"
#include "criu/files/outside-holders.h"
#include "criu/files/path-remap.h"
#include "criu/files/restored-remaps.h"
#include "criu/files/shmem.h"

namespace criu::files {

namespace {

constexpr unsigned kMemMajor = 1;  // Documentation/admin-guide/devices.txt

bool is_mem_device(const struct stat& st) {
  return S_ISCHR(st.st_mode) && major(st.st_rdev) == kMemMajor;
}

// "/proc/12/stat": there is none before there is task 12. Wherever a /proc is mounted.
bool is_of_process(std::string_view path) {
  constexpr std::string_view kProc = "/proc/";
  const size_t at = path.find(kProc);
  if (at == std::string_view::npos || proc::to_u64(path.substr(at + kProc.size())) == 0)
    return false;
  struct statfs fs {};
  const std::string mount(path.substr(0, at + kProc.size()));
  return statfs(mount.c_str(), &fs) == 0 && fs.f_type == PROC_SUPER_MAGIC;
}

class RestoredRegFile : public RestoredFile {
 public:
  // own: the open that it is, -1: it is opened by the path. The context outlives it.
  RestoredRegFile(const RestoreContext& context, const RegFileEntry& entry, std::string path,
                  bool ghost, int own)
      : context_(context), entry_(entry), path_(std::move(path)), ghost_(ghost), own_(own) {}

  UniqueFd open() override {
    int flags = static_cast<int>(entry_.flags) & ~(O_CREAT | O_EXCL | O_TRUNC);
    if ((flags & O_TMPFILE) == O_TMPFILE) flags &= ~O_TMPFILE;
    if (ghost_) flags &= ~O_NOFOLLOW;  // it is opened by a link of /proc
    if (own_ < 0 && (flags & O_PATH) == 0) check_before_open();
    UniqueFd fd(own_ >= 0 ? fcntl(own_, F_DUPFD_CLOEXEC, 0)
                          : ::open(present_path().c_str(), flags | O_NOCTTY | O_CLOEXEC));
    if (!fd) fail_errno("cannot open {}", entry_.name);
    struct stat st {};
    if (fstat(fd.get(), &st) < 0) fail_errno("cannot examine {}", entry_.name);
    check(st);
    if ((flags & O_PATH) == 0 && entry_.pos != 0) set_position(fd.get(), st.st_mode);
    return fd;
  }
  bool opens_in_place() const override { return true; }
  bool opens_late() const override { return is_of_process(path_); }
  uint32_t flags() const override { return entry_.flags; }
  const FownEntry* fown() const override { return entry_.fown; }

 private:
  const std::string& present_path() const {
    const auto elsewhere = context_.placed_last.find(path_);
    return elsewhere == context_.placed_last.end() ? path_ : elsewhere->second;
  }
  void set_position(int fd, mode_t type) const {
    // A directory of ext4 that is first read at its end stays empty when it is rewound
    // (ext4_dx_readdir(), fs/ext4/dir.c): it is read at its beginning before that.
    std::array<char, 512> names;
    if (S_ISDIR(type)) syscall(SYS_getdents64, fd, names.data(), names.size());
    if (lseek(fd, static_cast<off_t>(entry_.pos), SEEK_SET) < 0)
      fail_errno("cannot set the position of {}", entry_.name);
  }
  void check(const struct stat& st) const {
    check_mode(st.st_mode);
    if (ghost_ || !entry_.has_size || !S_ISREG(st.st_mode)) return;
    const auto size = static_cast<uint64_t>(st.st_size);
    // A log may have grown: whoever appends to it does so at its end.
    const bool appends = (entry_.flags & O_APPEND) != 0 && (entry_.flags & O_ACCMODE) != O_RDONLY;
    if (size != entry_.size && !(appends && size > entry_.size))
      fail("{} has {} bytes now, at the dump it had {}", entry_.name, size, entry_.size);
  }
  // To open a named pipe may wait for ever, and to open a device do anything.
  void check_before_open() const {
    struct stat st {};
    if (stat(present_path().c_str(), &st) == 0) check_type(st.st_mode);
  }
  void check_type(mode_t mode) const {
    if (entry_.has_mode && (entry_.mode & S_IFMT) != (mode & S_IFMT))
      fail("{} is a file of another type than at the dump", entry_.name);
  }
  void check_mode(mode_t mode) const {
    if (!entry_.has_mode) return;
    check_type(mode);
    constexpr mode_t kRwx = S_IRWXU | S_IRWXG | S_IRWXO;
    const mode_t compared = context_.options.skip_file_rwx_check ? 07777 & ~kRwx : 07777;
    if ((entry_.mode & compared) != (mode & compared))
      fail(
          "{} has the mode {:o} now, at the dump it had {:o}{}", entry_.name, mode & 07777,
          entry_.mode & 07777,
          ((entry_.mode ^ mode) & 07777 & ~kRwx) == 0 ? ": --skip-file-rwx-check allows that" : "");
  }

  const RestoreContext& context_;
  const RegFileEntry& entry_;
  std::string path_;
  bool ghost_;
  int own_;
};

// What criu was given for it: the same open file, as it is.
class InheritedFile : public RestoredEntry<RegFileEntry> {
 public:
  InheritedFile(const RegFileEntry& entry, int fd) : RestoredEntry(entry), fd_(fd) {}
  UniqueFd open() override {
    UniqueFd fd(fcntl(fd_, F_DUPFD_CLOEXEC, 0));
    if (!fd) fail_errno("cannot duplicate what was given for {}", entry_.name);
    return fd;
  }
  bool opens_in_place() const override { return true; }

 private:
  int fd_;
};

// By chattr(1), since it was opened: open(2) fails even for root.
void refuse_protected(const OpenFile& f) {
  const int access = f.flags & O_ACCMODE;
  if (!S_ISREG(f.st.st_mode) || (f.flags & O_PATH) != 0 || access == O_RDONLY) return;
  const bool immutable = (f.attributes & STATX_ATTR_IMMUTABLE) != 0;
  const bool append_only = (f.attributes & STATX_ATTR_APPEND) != 0 && (f.flags & O_APPEND) == 0;
  if (immutable || append_only)
    fail("{}: it was made {} (chattr(1)) and is open for writing: a restore could not open it",
         f.who(), immutable ? "immutable" : "append-only");
}

class RegFileKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__REG; }

  bool reads(const FileEntry& entry) const override {
    return entry.reg == nullptr || !entry.reg->has_shmid;
  }
  bool recognises(const OpenFile& f) const override {
    if (ShmemObjects::is_object(f.st.st_dev, f.link)) return false;
    if (is_sysv_segment(f.st.st_dev, f.link)) return false;
    if (!f.link.starts_with('/') && !f.link.starts_with("(unreachable)")) return false;
    if (f.link.starts_with("/memfd:")) return false;
    if ((f.flags & O_PATH) != 0) return true;
    return S_ISREG(f.st.st_mode) || S_ISDIR(f.st.st_mode) || is_mem_device(f.st);
  }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    // What it is watched for cannot be asked; that it has an owner can.
    if (S_ISDIR(f.st.st_mode) && f.fown->pid != 0)
      fail("{}: a directory that is watched (fcntl F_NOTIFY) is not supported yet", f.who());
    auto* reg = context.arena.make<RegFileEntry>();
    reg->id = entry->id;
    reg->flags = static_cast<uint32_t>(f.flags);
    reg->pos = f.position;
    reg->fown = f.fown;
    if (const std::string key = context.options.external.empty() ? "" : f.external_key();
        context.options.external.contains(key)) {
      reg->name = context.arena.text(key);
      CRIU_SET_OPTIONAL(reg, ext, 1);
    } else {
      reg->name = context.arena.text(context.remaps.examine(f, entry->id));
      refuse_protected(f);
    }
    // Its contents go on in two places.
    if (f.fd >= 0 && S_ISREG(f.st.st_mode) && (f.flags & O_PATH) == 0 &&
        context.remaps.is_ghost(entry->id))
      context.holders.add_removed(f.st.st_dev, f.st.st_ino, f.who());
    if (S_ISREG(f.st.st_mode)) CRIU_SET_OPTIONAL(reg, size, static_cast<uint64_t>(f.st.st_size));
    CRIU_SET_OPTIONAL(reg, mode, f.st.st_mode);
    if (is_of_process(reg->name)) context.late.insert(entry->id);
    entry->reg = reg;
  }

  std::unique_ptr<RestoredFile> read(RestoreContext& context, const FileEntry& entry) override {
    if (entry.reg == nullptr) fail("file {} in files.img has no path", entry.id);
    const std::string key = entry.reg->name[0] == '/' ? entry.reg->name + 1 : entry.reg->name;
    if (const auto given = context.inherited.find(key); given != context.inherited.end())
      return std::make_unique<InheritedFile>(*entry.reg, given->second.get());
    if (entry.reg->has_ext && entry.reg->ext)
      fail("{} belongs to the outside: a restore is to be given one by --inherit-fd fd[N]:{}", key,
           key);
    const std::string path = context.remaps.resolve(entry.id, entry.reg->name);
    if (context.options.validate_build_ids) check_identity(*entry.reg, path);
    return std::make_unique<RestoredRegFile>(context, *entry.reg, path,
                                             context.remaps.is_ghost(entry.id),
                                             context.remaps.own_open(entry.id));
  }
};

const KindRegistration registration([] { return std::make_unique<RegFileKind>(); });

}  // namespace

}  // namespace criu::files
