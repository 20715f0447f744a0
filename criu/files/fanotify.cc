// SPDX-License-Identifier: GPL-2.0-only
//
// What is told of changes to files, mounts and file systems: fanotify(7). Marks are set last, so
// that of what the restore does nothing is told.

#include <fcntl.h>
#include <sys/fanotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <list>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"
#include "criu/files/anon-inode.h"
#include "criu/files/mount-points.h"
#include "criu/files/watched-file.h"

namespace criu::files {

namespace {

// linux/fanotify.h; the libc's header may be older.
constexpr uint32_t kEvictable = 0x200, kIgnore = 0x400;
constexpr uint32_t kPermission = FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_OPEN_EXEC_PERM;

uint32_t scope_of(const FanotifyMarkEntry& e) {
  if (e.type == MARK_TYPE__MOUNT) return FAN_MARK_MOUNT;
  return e.type == MARK_TYPE__FILESYSTEM ? FAN_MARK_FILESYSTEM : FAN_MARK_INODE;
}

class RestoredFanotify : public RestoredEntry<FanotifyFileEntry> {
 public:
  RestoredFanotify(const FanotifyFileEntry& entry, const UniqueFd& made)
      : RestoredEntry(entry), made_(made) {}
  UniqueFd open() override {
    UniqueFd fd(fcntl(made_.get(), F_DUPFD_CLOEXEC, 0));
    if (!fd) fail_errno("cannot duplicate a fanotify descriptor");
    set_status_flags(fd.get(), entry_.flags, "a fanotify descriptor");
    return fd;
  }

 private:
  const UniqueFd& made_;
};

class FanotifyKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__FANOTIFY; }
  bool recognises(const OpenFile& f) const override { return is_anon_inode(f, "fanotify"); }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    auto* e = context.arena.make<FanotifyFileEntry>();
    e->id = entry->id;
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    std::vector<FanotifyMarkEntry*> marks;
    proc::each_line(f.fdinfo, [&](std::string_view line) {
      if (line.starts_with("fanotify flags:")) {
        e->faflags = static_cast<uint32_t>(info_word(line, "flags"));
        e->evflags = static_cast<uint32_t>(info_word(line, "event-flags"));
      } else if (line.starts_with("fanotify ")) {
        marks.push_back(mark_entry(context, f, e->id, line));
      }
    });
    e->n_mark = marks.size();
    e->mark = context.arena.copy<FanotifyMarkEntry*>(marks);
    entry->ffy = e;
    if (int queued = 0; ioctl(f.own.get(), FIONREAD, &queued) == 0 && queued != 0)
      log::warn("{}: events that were not read yet ({} bytes) will be lost at a restore", f.who(),
                queued);
  }

  void check_dump(DumpContext& context) override { removed_.check(context.remaps); }

  std::unique_ptr<RestoredFile> read(RestoreContext&, const FileEntry& entry) override {
    const FanotifyFileEntry* e = entry.ffy;
    if (e == nullptr) fail("file {} in files.img is no fanotify descriptor", entry.id);
    for (size_t i = 0; i < e->n_mark; i++) check_mark(*e->mark[i]);
    Made& made = made_.emplace_back(Made{e, {}});
    return std::make_unique<RestoredFanotify>(*e, made.fd);
  }

  void make(RestoreContext& context) override {
    for (Made& made : made_) {
      const FanotifyFileEntry& e = *made.entry;
      made.fd = context.fds.raise(UniqueFd(fanotify_init(e.faflags, e.evflags)));
      if (!made.fd)
        fail_errno("cannot make a fanotify descriptor (flags {:#x}, {:#x})", e.faflags, e.evflags);
    }
  }

  // The kernel tells of the newest one first.
  void watch(RestoreContext& context) override {
    for (const Made& made : made_)
      for (size_t i = made.entry->n_mark; i > 0; i--)
        set_mark(context, made.fd.get(), *made.entry->mark[i - 1]);
  }

 private:
  struct Made {
    const FanotifyFileEntry* entry;
    UniqueFd fd;
  };

  // "fanotify ino:9e7e sdev:13 mflags:0 mask:8 ignored_mask:0 fhandle-bytes:...", "fanotify
  // mnt_id:1c mflags:..." or "fanotify sdev:13 mflags:...": fs/notify/fdinfo.c.
  FanotifyMarkEntry* mark_entry(DumpContext& context, const OpenFile& f, uint32_t id,
                                std::string_view line) {
    const auto number = [&](std::string_view key) {
      return static_cast<uint32_t>(info_word(line, key));
    };
    auto* e = context.arena.make<FanotifyMarkEntry>();
    e->id = id;
    e->mflags = number("mflags");
    e->mask = number("mask");
    e->ignored_mask = number("ignored_mask");
    e->s_dev = number("sdev");
    if ((e->mask & kPermission) != 0)
      fail("{}: fanotify events that ask for permission are not supported yet", f.who());
    if (line.starts_with("fanotify ino:")) {
      const FileHandle handle = parse_handle(line);
      e->type = MARK_TYPE__INODE;
      e->ie = context.arena.make<FanotifyInodeMarkEntry>();
      e->ie->i_ino = handle.inode;
      const std::string path = find_watched(context.options, f, handle, "a fanotify mark");
      if (path.empty()) removed_.note(handle, fmt::format("{}: a fanotify mark", f.who()));
      e->ie->f_handle = handle_entry(context.arena, handle, path);
    } else if (line.starts_with("fanotify mnt_id:")) {
      e->type = MARK_TYPE__MOUNT;
      e->me = context.arena.make<FanotifyMountMarkEntry>();
      e->me->mnt_id = number("mnt_id");
      e->me->path = context.arena.text(point_of_mount(f, e->me->mnt_id));
    } else if (line.starts_with("fanotify sdev:")) {
      e->type = MARK_TYPE__FILESYSTEM;
      const std::vector<std::string> points = mount_points(e->s_dev);
      if (points.empty())
        fail(
            "{}: a fanotify mark is of a file system ({:#x}) that cannot be reached: it is not "
            "mounted here, or another one is over it",
            f.who(), e->s_dev);
      e->path = context.arena.text(points.front());
    } else {
      fail("{}: a fanotify mark of this kind is not supported yet: {}", f.who(), line);
    }
    return e;
  }

  static std::string point_of_mount(const OpenFile& f, uint32_t mnt_id) {
    const auto point = mount_point_of(mnt_id);
    if (!point)
      fail(
          "{}: a fanotify mark is of mount {}, which cannot be reached: it is not to be found, or "
          "another one is over it",
          f.who(), mnt_id);
    return *point;
  }

  static void check_mark(const FanotifyMarkEntry& e) {
    if (e.type == MARK_TYPE__INODE   ? e.ie == nullptr
        : e.type == MARK_TYPE__MOUNT ? e.me == nullptr || e.me->path == nullptr
                                     : e.path == nullptr)
      fail("a fanotify mark does not tell what it is of");
  }

  static void set_mark(const RestoreContext& context, int fd, const FanotifyMarkEntry& e) {
    UniqueFd place;
    if (e.type == MARK_TYPE__INODE)
      place =
          open_watched(context.remaps, e.ie->i_ino, e.s_dev, *e.ie->f_handle, "a fanotify mark");
    else
      place = open_path(e.type == MARK_TYPE__MOUNT ? e.me->path : e.path, O_PATH);
    const std::string path = self_fd(place.get());
    const auto add = [&](uint32_t flags, uint32_t mask) {
      if (mask == 0) return;
      if (fanotify_mark(fd, FAN_MARK_ADD | scope_of(e) | (e.mflags & kEvictable) | flags, mask,
                        AT_FDCWD, path.c_str()) < 0)
        fail_errno("cannot set the fanotify mark of {} (mask {:#x})", read_link(path), mask);
    };
    add(0, e.mask);
    const uint32_t how = (e.mflags & kIgnore) != 0 ? kIgnore : FAN_MARK_IGNORED_MASK;
    add(how | (e.mflags & FAN_MARK_IGNORED_SURV_MODIFY), e.ignored_mask);
  }

  RemovedWatched removed_;
  std::list<Made> made_;  // stays where it is: files refer to it
};

const KindRegistration registration([] { return std::make_unique<FanotifyKind>(); });

}  // namespace

}  // namespace criu::files
