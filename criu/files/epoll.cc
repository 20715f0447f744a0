// SPDX-License-Identifier: GPL-2.0-only
//
// Epoll sets: epoll(7).
//
// A set knows its files by the open file and by the number they were added as, which may be closed
// or another file's by now. It is filled in a task that has it: what a signalfd in it watches is
// the task that added it.

#include <sys/epoll.h>

#include <map>

#include "criu/base/error.h"
#include "criu/base/proc.h"
#include "criu/files/anon-inode.h"
#include "criu/files/file-handle.h"

namespace criu::files {

namespace {

// A line "tfd: 5 events: 19 data: 7  pos:0 ino:1d sdev:9" of fdinfo, fs/eventpoll.c.
struct Line {
  int number = -1;
  uint32_t events = 0;
  uint64_t data = 0, position = 0;
  dev_t dev = 0;
  ino_t inode = 0;
};

uint64_t value_of(std::string_view line, std::string_view key, int base) {
  const size_t at = line.find(key);
  if (at == std::string_view::npos) return 0;
  line.remove_prefix(at + key.size());
  line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
  return proc::to_u64(line, base);
}

std::vector<Line> read_lines(const OpenFile& f) {
  std::vector<Line> lines;
  proc::each_line(f.fdinfo, [&](std::string_view line) {
    if (!line.starts_with("tfd:")) return;
    Line l;
    l.number = static_cast<int>(value_of(line, "tfd:", 10));
    l.events = static_cast<uint32_t>(value_of(line, "events:", 16));
    l.data = value_of(line, "data:", 16);
    l.position = value_of(line, "pos:", 10);
    l.inode = value_of(line, "ino:", 16);
    l.dev = user_dev(value_of(line, "sdev:", 16));
    lines.push_back(l);
  });
  return lines;
}

class RestoredEpoll : public RestoredEntry<EventpollFileEntry> {
 public:
  using RestoredEntry::RestoredEntry;

  UniqueFd open() override {
    UniqueFd fd(epoll_create1(EPOLL_CLOEXEC));
    if (!fd) fail_errno("cannot make an epoll set");
    set_status_flags(fd.get(), entry_.flags, "an epoll set");
    return fd;
  }

  std::vector<uint32_t> linked() const override {
    std::vector<uint32_t> ids;
    for (size_t i = 0; i < entry_.n_tfd; i++)
      if (entry_.tfd[i]->has_file_id) ids.push_back(entry_.tfd[i]->file_id);
    return ids;
  }

  void link(const Links& links) override {
    for (size_t i = 0; i < entry_.n_tfd; i++) link(links, *entry_.tfd[i]);
  }

 private:
  static void link(const Links& links, const EventpollTfdEntry& e) {
    const uint32_t number = e.has_added_as ? e.added_as : e.tfd;
    const auto there = links.file_at(number);
    if (!e.has_file_id && !there)
      fail("an epoll set watches descriptor {}, which its task has not", e.tfd);
    if (!e.has_file_id || there == e.file_id)
      add(links.own, number, e);
    else
      links.while_at(number, links.fd_of(e.file_id), [&] { add(links.own, number, e); });
  }
  static void add(int set, uint32_t number, const EventpollTfdEntry& e) {
    epoll_event event{};
    event.events = e.events;
    event.data.u64 = e.data;
    if (epoll_ctl(set, EPOLL_CTL_ADD, static_cast<int>(number), &event) < 0)
      fail_errno("cannot add descriptor {} to an epoll set", number);
  }
};

class EpollKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__EVENTPOLL; }
  bool recognises(const OpenFile& f) const override { return is_anon_inode(f, "eventpoll"); }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    auto* e = context.arena.make<EventpollFileEntry>();
    e->id = entry->id;
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    entry->epfd = e;
    sets_.push_back({f.who(), f.pid, f.fd, e, read_lines(f)});
  }

  // What it watches may belong to a task that was looked at later.
  void check_dump(DumpContext& context) override {
    for (const Set& set : sets_) {
      set.entry->n_tfd = set.lines.size();
      set.entry->tfd = context.arena.array<EventpollTfdEntry*>(set.lines.size());
      std::map<int, uint32_t> seen;  // how many of a number there were
      for (size_t i = 0; i < set.lines.size(); i++)
        set.entry->tfd[i] = watched(context, set, set.lines[i], seen[set.lines[i].number]++);
    }
  }

  std::unique_ptr<RestoredFile> read(RestoreContext&, const FileEntry& entry) override {
    if (entry.epfd == nullptr) fail("file {} in files.img is no epoll set", entry.id);
    return std::make_unique<RestoredEpoll>(*entry.epfd);
  }

 private:
  struct Set {
    std::string who;
    pid_t pid;
    int fd;
    EventpollFileEntry* entry;
    std::vector<Line> lines;
  };

  static EventpollTfdEntry* watched(DumpContext& context, const Set& set, const Line& line,
                                    uint32_t at) {
    if (!context.tasks.contains(set.pid))
      fail("{}: an epoll set that watches something and is only under way: not supported yet",
           set.who);
    const auto file =
        context.find_watched({set.pid, set.fd, line.number, at, line.dev, line.inode});
    if (!file)
      fail("{}: it watches a file, added as descriptor {}, that no task of the tree has open",
           set.who, line.number);
    if (context.of_threads.contains(file->file_id))
      fail("{}: it watches a pidfd of a thread, added as descriptor {}: not supported yet", set.who,
           line.number);
    auto* e = context.arena.make<EventpollTfdEntry>();
    e->id = set.entry->id;
    e->tfd = static_cast<uint32_t>(line.number);
    e->events = line.events;
    e->data = line.data;
    CRIU_SET_OPTIONAL(e, dev, static_cast<uint32_t>(line.dev));
    CRIU_SET_OPTIONAL(e, inode, line.inode);
    CRIU_SET_OPTIONAL(e, pos, line.position);
    CRIU_SET_OPTIONAL(e, file_id, file->file_id);
    if (file->pid == set.pid && file->fd != line.number) {
      CRIU_SET_OPTIONAL(e, added_as, e->tfd);
      e->tfd = static_cast<uint32_t>(file->fd);
    }
    return e;
  }

  std::vector<Set> sets_;
};

const KindRegistration registration([] { return std::make_unique<EpollKind>(); });

}  // namespace

}  // namespace criu::files
