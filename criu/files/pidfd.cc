// SPDX-License-Identifier: GPL-2.0-only
//
// Descriptors of processes: pidfd_open(2). That of one that has ended, and was reaped, is made of a
// process that has done the same.

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <list>
#include <map>

#include "criu/base/error.h"
#include "criu/base/proc.h"
#include "criu/base/short-life.h"
#include "criu/files/anon-inode.h"

namespace criu::files {

namespace {

constexpr int kDead = -1;  // nspid of one that was reaped
constexpr int kFlags = O_NONBLOCK | kPidfdThread;

UniqueFd open_pidfd(pid_t pid, uint32_t flags) {
  UniqueFd fd(static_cast<int>(syscall(SYS_pidfd_open, pid, static_cast<int>(flags) & kFlags)));
  if (!fd) fail_errno("cannot open a pidfd of process {}", pid);
  set_status_flags(fd.get(), flags, "a pidfd");
  return fd;
}

class RestoredPidfd : public RestoredEntry<PidfdEntry> {
 public:
  using RestoredEntry::RestoredEntry;
  bool opens_late() const override { return true; }
  UniqueFd open() override { return open_pidfd(entry_.nspid, entry_.flags); }
};

class RestoredThreadPidfd : public RestoredPidfd {
 public:
  using RestoredPidfd::RestoredPidfd;
  std::optional<pid_t> thread() const override { return entry_.nspid; }
};

class RestoredDeadPidfd : public RestoredEntry<PidfdEntry> {
 public:
  RestoredDeadPidfd(const PidfdEntry& entry, UniqueFd& made) : RestoredEntry(entry), made_(made) {}
  UniqueFd open() override { return std::move(made_); }

 private:
  UniqueFd& made_;
};

class PidfdKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__PIDFD; }
  bool recognises(const OpenFile& f) const override {
    return is_anon_inode(f, "pidfd") || f.link.starts_with("pidfd:[");
  }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    auto* e = context.arena.make<PidfdEntry>();
    e->id = entry->id;
    e->ino = static_cast<uint32_t>(f.st.st_ino);
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    e->nspid = kDead;
    if (f.fdinfo.find("\nPid:\t-1\n") == std::string::npos) {
      e->nspid = static_cast<int32_t>(must_find_info(f, "Pid"));
      if (e->nspid == 0)
        fail("{}: a pidfd of a process of another PID namespace is not supported yet", f.who());
      live_.push_back({e->nspid, e->nspid, f.who()});
      context.late.insert(e->id);
      if ((f.flags & kPidfdThread) != 0) note_thread(context, *e);
    }
    entry->pidfd = e;
  }

  void check_dump(DumpContext& context) override {
    for (const Live& live : live_) {
      if (context.tasks.contains(live.process) || is_zombie(context, live.pid)) continue;
      fail("{}: a pidfd of process {} ({}), which is outside of the tree, is not supported yet",
           live.who, live.pid, proc::read_stat(live.pid, live.pid).comm);
    }
  }

  std::unique_ptr<RestoredFile> read(RestoreContext&, const FileEntry& entry) override {
    const PidfdEntry* e = entry.pidfd;
    if (e == nullptr) fail("file {} in files.img is no pidfd", entry.id);
    if (e->nspid != kDead && e->nspid <= 0)
      fail("file {} in files.img is a pidfd of process {}", entry.id, e->nspid);
    if (e->nspid != kDead && e->of_thread) return std::make_unique<RestoredThreadPidfd>(*e);
    if (e->nspid != kDead) return std::make_unique<RestoredPidfd>(*e);
    UniqueFd& made = dead_[e->ino].emplace_back(e, UniqueFd()).second;
    return std::make_unique<RestoredDeadPidfd>(*e, made);
  }

  void make(RestoreContext& context) override {
    for (auto& [ino, all] : dead_) {
      const ShortLife process;
      for (auto& [entry, fd] : all) fd = context.fds.raise(open_pidfd(process.pid(), entry->flags));
    }
  }

 private:
  struct Live {
    pid_t pid;      // perhaps of a thread
    pid_t process;  // that this belongs to
    std::string who;
  };

  void note_thread(DumpContext& context, PidfdEntry& e) {
    const pid_t process = proc::process_of(e.nspid);
    if (process == e.nspid) return;
    live_.back().process = process;
    CRIU_SET_OPTIONAL(&e, of_thread, true);
    context.of_threads.insert(e.id);
  }

  // A dead task has no descriptors; its parent is of the tree.
  static bool is_zombie(const DumpContext& context, pid_t pid) {
    try {
      const proc::Stat stat = proc::read_stat(pid, pid);
      return stat.state == 'Z' && context.tasks.contains(stat.ppid);
    } catch (const NotThere&) {
      return false;
    }
  }

  std::vector<Live> live_;
  // By inode; before Linux 6.9 all pidfds have one. They stay where they are: files refer to them.
  std::map<uint32_t, std::list<std::pair<const PidfdEntry*, UniqueFd>>> dead_;
};

const KindRegistration registration([] { return std::make_unique<PidfdKind>(); });

}  // namespace

}  // namespace criu::files
