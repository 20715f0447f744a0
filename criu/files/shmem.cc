// SPDX-License-Identifier: GPL-2.0-only
//
// Descriptors of shared anonymous memory.

#include "criu/files/shmem.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/mman.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/files/file-kind.h"
#include "criu/files/huge-pages.h"
#include "criu/files/outside-holders.h"

namespace criu::files {

namespace {

constexpr std::string_view kLink = "/dev/zero (deleted)";  // shmem_zero_setup(), mm/shmem.c

// The kernel's own tmpfs, which has the memory of memfds as well.
dev_t own_tmpfs() {
  static const dev_t dev = [] {
    const UniqueFd fd(memfd_create("criu", MFD_CLOEXEC));
    struct stat st {};
    if (!fd || fstat(fd.get(), &st) < 0) fail_errno("cannot make a memfd");
    return st.st_dev;
  }();
  return dev;
}

class RestoredShmem : public RestoredFile {
 public:
  RestoredShmem(const RegFileEntry& entry, int object) : entry_(entry), object_(object) {}

  UniqueFd open() override {
    const int flags = static_cast<int>(entry_.flags) & ~(O_CREAT | O_EXCL | O_TRUNC | O_ASYNC);
    // It is opened by a link of /proc.
    UniqueFd fd = open_path(self_fd(object_), flags & ~O_NOFOLLOW);
    if ((flags & O_PATH) == 0 && entry_.pos != 0 &&
        lseek(fd.get(), static_cast<off_t>(entry_.pos), SEEK_SET) < 0)
      fail_errno("cannot set the position in shared memory {}", entry_.shmid);
    return fd;
  }
  uint32_t flags() const override { return entry_.flags; }
  const FownEntry* fown() const override { return entry_.fown; }

 private:
  const RegFileEntry& entry_;
  int object_;
};

// In the images it is a file, of a path that no other tool will find.
class ShmemKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__REG; }

  bool recognises(const OpenFile& f) const override {
    return ShmemObjects::is_object(f.st.st_dev, f.link);
  }
  bool reads(const FileEntry& entry) const override {
    return entry.reg != nullptr && entry.reg->has_shmid;
  }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    auto* reg = context.arena.make<RegFileEntry>();
    reg->id = entry->id;
    reg->flags = static_cast<uint32_t>(f.flags);
    reg->pos = f.position;
    reg->fown = f.fown;
    reg->name = context.arena.text(f.link);
    CRIU_SET_OPTIONAL(reg, size, static_cast<uint64_t>(f.st.st_size));
    CRIU_SET_OPTIONAL(reg, mode, f.st.st_mode);
    CRIU_SET_OPTIONAL(reg, shmid, context.shmem.add(f.st, f.path()));
    context.holders.add_memory(f.st.st_dev, f.st.st_ino, f.who());
    entry->reg = reg;
  }

  std::unique_ptr<RestoredFile> read(RestoreContext& context, const FileEntry& entry) override {
    return std::make_unique<RestoredShmem>(*entry.reg, context.shmem_fd(entry.reg->shmid));
  }
};

const KindRegistration registration([] { return std::make_unique<ShmemKind>(); });

}  // namespace

bool ShmemObjects::is_own_tmpfs(dev_t dev) {
  return dev == own_tmpfs();
}

bool ShmemObjects::is_object(dev_t dev, const std::string& link) {
  return (link == kLink && dev == own_tmpfs()) ||
         (link == kAnonymousHugeLink && own_hugetlbfs(dev) != 0);
}

// Not by the number of the inode: those of segments bear their ids (newseg(), ipc/shm.c), which are
// below 2^31.
uint64_t ShmemObjects::add(const struct stat& st, const std::string& path) {
  constexpr uint64_t kFirstId = 1ULL << 31;
  const auto [it, is_new] = ids_.try_emplace({st.st_dev, st.st_ino}, kFirstId + ids_.size());
  if (is_new) objects_.try_emplace(it->second, Object{path, st});
  return it->second;
}

uint64_t ShmemObjects::add_segment(ino_t inode, const std::string& link, const std::string& path) {
  if (segments_.contains(inode)) return inode;
  struct stat st {};
  if (stat(path.c_str(), &st) < 0) fail_errno("cannot examine {}", path);
  auto segment = inode <= INT_MAX ? find_segment(static_cast<int>(inode)) : std::nullopt;
  if (segment) segment->huge = own_hugetlbfs(st.st_dev);
  // That of huge pages has a file of whole ones.
  const auto size = static_cast<uint64_t>(st.st_size);
  if (!segment || size != (segment->huge != 0 ? segment->whole_size() : segment->size) ||
      !segment->has_link(link))
    fail("{}: the System V segment {} is of another IPC namespace: not supported yet", path, inode);
  objects_.try_emplace(inode, Object{path, st});
  segments_.try_emplace(inode, *segment);
  return inode;
}

}  // namespace criu::files
