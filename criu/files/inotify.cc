// SPDX-License-Identifier: GPL-2.0-only
//
// What is told of changes to files: inotify(7).

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <list>
#include <map>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"
#include "criu/files/anon-inode.h"
#include "criu/files/watched-file.h"

namespace criu::files {

namespace {

// What inotify_add_watch(2) takes.
constexpr uint32_t kMask = IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT;

// A watch gets its number by adding and removing as many as there were before it.
constexpr uint32_t kMostNumber = 1 << 22;

// "inotify wd:3 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1
// f_handle:7e9e0000640d1b6d", all in hexadecimal: fs/notify/fdinfo.c.
struct Watch {
  uint32_t wd = 0, mask = 0;
  FileHandle handle;
};

Watch parse_watch(std::string_view line) {
  Watch w;
  w.wd = static_cast<uint32_t>(info_word(line, "wd"));
  w.mask = static_cast<uint32_t>(info_word(line, "mask"));
  w.handle = parse_handle(line);
  return w;
}

class RestoredInotify : public RestoredEntry<InotifyFileEntry> {
 public:
  RestoredInotify(const InotifyFileEntry& entry, const int& made)
      : RestoredEntry(entry), made_(made) {}
  UniqueFd open() override {
    UniqueFd fd(fcntl(made_, F_DUPFD_CLOEXEC, 0));
    if (!fd) fail_errno("cannot duplicate an inotify descriptor");
    set_status_flags(fd.get(), entry_.flags, "an inotify descriptor");
    return fd;
  }

 private:
  const int& made_;
};

class InotifyKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__INOTIFY; }
  bool recognises(const OpenFile& f) const override { return f.link == "anon_inode:inotify"; }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    auto* e = context.arena.make<InotifyFileEntry>();
    e->id = entry->id;
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    std::vector<InotifyWdEntry*> watches;
    proc::each_line(f.fdinfo, [&](std::string_view line) {
      if (line.starts_with("inotify wd:"))
        watches.push_back(watch_entry(context, f, e->id, parse_watch(line)));
    });
    e->n_wd = watches.size();
    e->wd = context.arena.copy<InotifyWdEntry*>(watches);
    entry->ify = e;
    if (int queued = 0; ioctl(f.own.get(), FIONREAD, &queued) == 0 && queued != 0)
      log::warn("{}: {} bytes of events that were not read yet will be lost at a restore", f.who(),
                queued);
  }

  void check_dump(DumpContext& context) override { removed_.check(context.remaps); }

  std::unique_ptr<RestoredFile> read(RestoreContext&, const FileEntry& entry) override {
    if (entry.ify == nullptr) fail("file {} in files.img is no inotify descriptor", entry.id);
    Made& made = made_.emplace_back(Made{entry.ify, {}, -1});
    return std::make_unique<RestoredInotify>(*entry.ify, made.fd);
  }

  void make(RestoreContext& context) override {
    for (Made& made : made_) {
      made.own = context.fds.raise(UniqueFd(inotify_init1(IN_CLOEXEC)));
      if (!made.own) fail_errno("cannot make an inotify descriptor");
      made.fd = made.own.get();
    }
  }

  void watch(RestoreContext& context) override {
    for (const Made& made : made_) {
      std::map<uint32_t, const InotifyWdEntry*> watches;
      for (size_t i = 0; i < made.entry->n_wd; i++)
        watches[made.entry->wd[i]->wd] = made.entry->wd[i];
      for (const auto& [wd, watch] : watches) add(context, made.fd, *watch);
      empty(made.fd);
    }
  }

 private:
  struct Made {
    const InotifyFileEntry* entry;
    UniqueFd own;
    int fd;
  };

  InotifyWdEntry* watch_entry(DumpContext& context, const OpenFile& f, uint32_t id,
                              const Watch& w) {
    auto* e = context.arena.make<InotifyWdEntry>();
    e->id = id;
    e->i_ino = w.handle.inode;
    e->mask = w.mask & kMask;
    e->s_dev = w.handle.device;
    e->wd = w.wd;
    if (w.wd > kMostNumber)
      fail("{}: its watch has the number {}, and those above {} are not supported yet", f.who(),
           w.wd, kMostNumber);
    const std::string what = fmt::format("its watch {}", w.wd);
    const std::string path = find_watched(context.options, f, w.handle, what);
    if (path.empty()) removed_.note(w.handle, fmt::format("{}: {}", f.who(), what));
    e->f_handle = handle_entry(context.arena, w.handle, path);
    return e;
  }

  // Numbers are given one after the other, and none twice.
  static void add(const RestoreContext& context, int fd, const InotifyWdEntry& e) {
    if (e.wd == 0 || e.wd > kMostNumber)
      fail("watch {} of an inotify descriptor is impossible", e.wd);
    const UniqueFd file =
        open_watched(context.remaps, e.i_ino, e.s_dev, *e.f_handle, fmt::format("watch {}", e.wd));
    const std::string path = self_fd(file.get());
    for (;;) {
      const int wd = inotify_add_watch(fd, path.c_str(), e.mask & kMask);
      if (wd < 0) fail_errno("cannot watch {}", read_link(path));
      if (static_cast<uint32_t>(wd) == e.wd) return;
      if (static_cast<uint32_t>(wd) > e.wd || inotify_rm_watch(fd, wd) < 0)
        fail("watch {} has the number {}", e.wd, wd);
    }
  }

  // Numbers that were not kept have left their events (IN_IGNORED).
  static void empty(int fd) {
    int queued = 0;
    if (ioctl(fd, FIONREAD, &queued) < 0 || queued == 0) return;
    std::vector<char> events(static_cast<size_t>(queued));
    if (::read(fd, events.data(), events.size()) < 0)
      fail_errno("cannot empty an inotify descriptor");
  }

  RemovedWatched removed_;
  std::list<Made> made_;  // stays where it is: files refer to it
};

const KindRegistration registration([] { return std::make_unique<InotifyKind>(); });

}  // namespace

}  // namespace criu::files
