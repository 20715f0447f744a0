// SPDX-License-Identifier: GPL-2.0-only
//
// What is told of changes to files: inotify(7).
//
// The kernel tells of a watch which inode it is of, not by which name it was set. Where the file
// system has handles that finds it; else it is looked for where the task has it open, which most
// watchers have, or the directory that it is in.

#include <fcntl.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <list>
#include <map>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"
#include "criu/files/anon-inode.h"
#include "criu/files/descriptor-table.h"
#include "criu/files/file-handle.h"

namespace criu::files {

namespace {

// What inotify_add_watch(2) takes.
constexpr uint32_t kMask = IN_ALL_EVENTS | IN_EXCL_UNLINK | IN_ONESHOT;

// "inotify wd:3 ino:9e7e sdev:800013 mask:800afce ignored_mask:0 fhandle-bytes:8 fhandle-type:1
// f_handle:7e9e0000640d1b6d", all in hexadecimal: fs/notify/fdinfo.c.
struct Watch {
  uint32_t wd = 0, mask = 0;
  FileHandle handle;
};

std::string_view word_behind(std::string_view line, std::string_view key) {
  const size_t at = line.find(key);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + key.size());
  return line.substr(0, line.find_first_of(" \n"));
}

Watch parse_watch(std::string_view line) {
  const auto number = [&](std::string_view key) {
    return proc::to_u64(word_behind(line, key), 16);
  };
  Watch w;
  w.wd = static_cast<uint32_t>(number(" wd:"));
  w.mask = static_cast<uint32_t>(number(" mask:"));
  w.handle.inode = number(" ino:");
  w.handle.device = static_cast<uint32_t>(number(" sdev:"));
  w.handle.type = static_cast<uint32_t>(number("fhandle-type:"));
  const std::string_view hex = word_behind(line, "f_handle:");
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    w.handle.bytes.push_back(static_cast<uint8_t>(proc::to_u64(hex.substr(i, 2), 16)));
  return w;
}

bool is_it(const std::string& path, const FileHandle& handle) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 && st.st_ino == handle.inode &&
         st.st_dev == user_dev(handle.device);
}

// Where the task that watches has it, or what it is in.
std::string find_nearby(pid_t pid, const std::vector<std::string>& open, const FileHandle& handle) {
  std::vector<std::string> places = open;
  places.push_back(read_link(proc::path(pid, "cwd")));
  for (const std::string& place : places) {
    std::string path = place;
    while (path.starts_with('/')) {
      if (is_it(path, handle)) return path;
      if (path == "/") break;
      path.resize(std::max<size_t>(path.rfind('/'), 1));
    }
  }
  return {};
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
      std::map<uint32_t, const InotifyWdEntry*> watches;
      for (size_t i = 0; i < made.entry->n_wd; i++)
        watches[made.entry->wd[i]->wd] = made.entry->wd[i];
      for (const auto& [wd, watch] : watches) add(made.fd, *watch);
    }
  }

  // What the restore itself has done to files is nothing that was waited for.
  void before_release() override {
    for (const Made& made : made_) {
      int queued = 0;
      if (ioctl(made.fd, FIONREAD, &queued) < 0 || queued == 0) continue;
      std::vector<char> events(static_cast<size_t>(queued));
      if (::read(made.fd, events.data(), events.size()) < 0)
        fail_errno("cannot empty an inotify descriptor");
    }
  }

 private:
  struct Made {
    const InotifyFileEntry* entry;
    UniqueFd own;
    int fd;
  };

  static InotifyWdEntry* watch_entry(DumpContext& context, const OpenFile& f, uint32_t id,
                                     const Watch& w) {
    auto* e = context.arena.make<InotifyWdEntry>();
    e->id = id;
    e->i_ino = w.handle.inode;
    e->mask = w.mask & kMask;
    e->s_dev = w.handle.device;
    e->wd = w.wd;
    std::string path;
    if (const UniqueFd fd = open_handle(w.handle)) {
      path = read_link(self_fd(fd.get()));
      if (!is_it(path, w.handle)) path.clear();
    } else {
      path = find_nearby(f.pid, open_files(f.pid), w.handle);
      if (path.empty())
        fail(
            "{}: its watch {} is of inode {} of the file system {:#x}, whose name cannot be found: "
            "not supported yet",
            f.who(), w.wd, w.handle.inode, w.handle.device);
    }
    e->f_handle = handle_entry(context.arena, w.handle, path);
    return e;
  }

  static std::vector<std::string> open_files(pid_t pid) {
    std::vector<std::string> links;
    const DescriptorTable table(pid);
    for (const int fd : table.numbers())
      if (std::string link = table.link(fd); link.starts_with('/'))
        links.push_back(std::move(link));
    return links;
  }

  // By its inode; or by the name that it had, where that is a file system that was made anew.
  static UniqueFd find(const InotifyWdEntry& e) {
    FileHandle handle = handle_of(*e.f_handle);
    handle.inode = e.i_ino;
    handle.device = e.s_dev;
    const char* path = e.f_handle->path;
    if (path != nullptr && is_it(path, handle)) return open_path(path, O_PATH);
    if (UniqueFd fd = open_handle(handle)) return fd;
    if (path == nullptr) fail("watch {}: what it is of (inode {}) is gone", e.wd, e.i_ino);
    return open_path(path, O_PATH);
  }

  // Numbers are given one after the other, and none twice.
  static void add(int fd, const InotifyWdEntry& e) {
    constexpr uint32_t kMost = 1 << 22;
    if (e.wd == 0 || e.wd > kMost) fail("watch {} of an inotify descriptor is impossible", e.wd);
    const UniqueFd file = find(e);
    const std::string path = self_fd(file.get());
    for (;;) {
      const int wd = inotify_add_watch(fd, path.c_str(), e.mask & kMask);
      if (wd < 0) fail_errno("cannot watch {}", read_link(path));
      if (static_cast<uint32_t>(wd) == e.wd) return;
      if (static_cast<uint32_t>(wd) > e.wd || inotify_rm_watch(fd, wd) < 0)
        fail("watch {} has the number {}", e.wd, wd);
    }
  }

  std::list<Made> made_;  // stays where it is: files refer to it
};

const KindRegistration registration([] { return std::make_unique<InotifyKind>(); });

}  // namespace

}  // namespace criu::files
