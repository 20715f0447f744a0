// SPDX-License-Identifier: GPL-2.0-only
//
// Files in memory: memfd_create(2). What they hold is stored as shared memory is.

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <map>

#include "criu/base/error.h"
#include "criu/files/file-kind.h"
#include "criu/files/huge-pages.h"
#include "criu/files/outside-holders.h"
#include "criu/files/shmem.h"

namespace criu::files {

namespace {

constexpr std::string_view kPrefix = "/memfd:", kSuffix = " (deleted)";

class RestoredMemfd : public RestoredEntry<MemfdFileEntry> {
 public:
  RestoredMemfd(const MemfdFileEntry& entry, int file) : RestoredEntry(entry), file_(file) {}

  UniqueFd open() override {
    const int flags = static_cast<int>(entry_.flags) & ~(O_CREAT | O_EXCL | O_TRUNC | O_ASYNC);
    UniqueFd fd = open_path(self_fd(file_), flags & ~O_NOFOLLOW);  // by a link of /proc
    if ((flags & O_PATH) == 0 && entry_.pos != 0 &&
        lseek(fd.get(), static_cast<off_t>(entry_.pos), SEEK_SET) < 0)
      fail_errno("cannot set the position in a memfd");
    return fd;
  }

 private:
  int file_;
};

class MemfdKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__MEMFD; }
  bool recognises(const OpenFile& f) const override {
    return f.link.starts_with(kPrefix) && f.link.ends_with(kSuffix) &&
           (ShmemObjects::is_own_tmpfs(f.st.st_dev) || own_hugetlbfs(f.st.st_dev) != 0);
  }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    auto* e = context.arena.make<MemfdFileEntry>();
    e->id = entry->id;
    e->flags = static_cast<uint32_t>(f.flags);
    e->pos = f.position;
    e->fown = f.fown;
    e->inode_id = note_inode(context, f);
    entry->memfd = e;
  }
  void finish_dump(DumpContext& context) override {
    if (inodes_.empty()) return;
    image::Writer img(context.dir, image::Kind::kMemfdInode);
    for (const auto& [id, e] : inodes_) img.write(e);
    img.close();
  }

  void prepare_restore(RestoreContext& context) override {
    if (!context.dir.has(image::file_name(image::Kind::kMemfdInode))) return;
    image::Reader img(context.dir, image::Kind::kMemfdInode);
    while (auto* e = img.next<MemfdInodeEntry>(context.arena)) inodes_[e->inode_id] = e;
  }
  std::unique_ptr<RestoredFile> read(RestoreContext& context, const FileEntry& entry) override {
    if (entry.memfd == nullptr) fail("file {} in files.img is no memfd", entry.id);
    return std::make_unique<RestoredMemfd>(*entry.memfd,
                                           make_inode(context, entry.memfd->inode_id));
  }
  // Who has it may have it mapped and write to it, though the seals allow no more of that.
  void before_release() override {
    for (const auto& [id, file] : files_)
      if (const uint32_t seals = inodes_.at(id)->seals; seals != F_SEAL_SEAL)
        if (fcntl(file.get(), F_ADD_SEALS, seals) < 0) fail_errno("cannot seal memfd {}", id);
  }

 private:
  // Its id in the images.
  uint32_t note_inode(DumpContext& context, const OpenFile& f) {
    const auto shmid = static_cast<uint32_t>(context.shmem.add(f.st, f.path()));
    const auto [it, is_new] = ids_.try_emplace(shmid, static_cast<uint32_t>(ids_.size() + 1));
    const uint32_t id = it->second;
    if (!is_new) return id;
    auto* e = inodes_[id] = context.arena.make<MemfdInodeEntry>();
    const std::string_view link = f.link;
    e->name = context.arena.text(
        link.substr(kPrefix.size(), link.size() - kPrefix.size() - kSuffix.size()));
    e->uid = f.st.st_uid, e->gid = f.st.st_gid;
    e->size = static_cast<uint64_t>(f.st.st_size);
    e->shmid = shmid;
    e->inode_id = id;
    if (const uint32_t size = own_hugetlbfs(f.st.st_dev); size != 0)
      CRIU_SET_OPTIONAL(e, hugetlb_flag, size | MFD_HUGETLB);
    CRIU_SET_OPTIONAL(e, mode, f.st.st_mode);
    const UniqueFd readable = open_path(f.path(), O_RDONLY);
    const int seals = fcntl(readable.get(), F_GET_SEALS);
    if (seals < 0) fail_errno("cannot read the seals of {}", f.who());
    e->seals = static_cast<uint32_t>(seals);
    context.holders.add_memory(f.st.st_dev, f.st.st_ino, f.who());
    return id;
  }

  int make_inode(RestoreContext& context, uint32_t id) {
    UniqueFd& file = files_[id];
    if (file) return file.get();
    const auto it = inodes_.find(id);
    if (it == inodes_.end()) fail("memfd.img has no inode {}", id);
    const MemfdInodeEntry& e = *it->second;
    const bool is_huge = e.has_hugetlb_flag && e.hugetlb_flag != 0;
    const uint32_t huge = is_huge ? MFD_HUGETLB | (e.hugetlb_flag & kHugePageForm) : 0;
    // Without it memfd_create(2) seals it against further seals.
    const unsigned sealing = e.seals == F_SEAL_SEAL ? 0 : MFD_ALLOW_SEALING;
    file = context.fds.raise(UniqueFd(memfd_create(e.name, MFD_CLOEXEC | sealing | huge)));
    if (!file) fail_errno("cannot make memfd {}{}", e.name, is_huge ? " of huge pages" : "");
    context.fill_shmem(e.shmid, e.size, file.get());
    if (fchown(file.get(), e.uid, e.gid) < 0 ||
        (e.has_mode && fchmod(file.get(), e.mode & 07777) < 0))
      fail_errno("cannot set the owner of memfd {}", e.name);
    return file.get();
  }

  std::map<uint32_t, uint32_t> ids_;  // of a dump, by shmid
  std::map<uint32_t, MemfdInodeEntry*> inodes_;
  std::map<uint32_t, UniqueFd> files_;  // by inode
};

const KindRegistration registration([] { return std::make_unique<MemfdKind>(); });

}  // namespace

}  // namespace criu::files
