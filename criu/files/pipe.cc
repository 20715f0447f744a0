// SPDX-License-Identifier: GPL-2.0-only
//
// Pipes, and named pipes (FIFOs): pipe(7), fifo(7).
//
// A pipe is made before the tasks are, and filled; each open end is then opened anew from it, so
// that no task has to wait for another.

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <list>
#include <map>

#include "criu/base/error.h"
#include "criu/files/file-kind.h"
#include "criu/files/outside-holders.h"
#include "criu/files/path-remap.h"
#include "criu/files/pipe-data.h"
#include "criu/files/pipe-ends.h"
#include "criu/files/restored-remaps.h"

namespace criu::files {

namespace {

class RestoredPipeEnd : public RestoredFile {
 public:
  // any_end: is there when it is opened.
  RestoredPipeEnd(const UniqueFd& any_end, uint32_t flags, const FownEntry* fown)
      : any_end_(any_end), flags_(flags), fown_(fown) {}
  UniqueFd open() override { return reopen_pipe(any_end_.get(), flags_); }
  uint32_t flags() const override { return flags_; }
  const FownEntry* fown() const override { return fown_; }

 private:
  const UniqueFd& any_end_;
  uint32_t flags_;
  const FownEntry* fown_;
};

// An end as pipe(2) made it: the first reader or writer of the pipe there is gets that.
class OriginalPipeEnd : public RestoredFile {
 public:
  OriginalPipeEnd(UniqueFd end, uint32_t flags, const FownEntry* fown)
      : end_(std::move(end)), flags_(flags), fown_(fown) {}
  UniqueFd open() override {
    set_status_flags(end_.get(), flags_, "a pipe");
    return std::move(end_);
  }
  uint32_t flags() const override { return flags_; }
  const FownEntry* fown() const override { return fown_; }

 private:
  UniqueFd end_;
  uint32_t flags_;
  const FownEntry* fown_;
};

class PipeKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__PIPE; }
  bool recognises(const OpenFile& f) const override {
    return S_ISFIFO(f.st.st_mode) && f.link.starts_with("pipe:");
  }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    auto* pipe = context.arena.make<PipeEntry>();
    pipe->id = entry->id;
    pipe->pipe_id = static_cast<uint32_t>(f.st.st_ino);
    pipe->flags = static_cast<uint32_t>(f.flags);
    pipe->fown = f.fown;
    CRIU_SET_OPTIONAL(pipe, uid, f.st.st_uid);
    CRIU_SET_OPTIONAL(pipe, gid, f.st.st_gid);
    CRIU_SET_OPTIONAL(pipe, mode, f.st.st_mode & 07777);
    entry->pipe = pipe;
    if (context.options.external.contains(f.link)) {
      // What stands in it is not the tree's alone, and is still there at a restore.
      CRIU_SET_OPTIONAL(pipe, external, 1);
      return;
    }
    context.holders.add_pipe(f.link, f.who());
    if ((f.flags & O_PATH) != 0) return;  // by which further ends can be opened, and is none
    ends_.add(f);
    data_.collect(f, pipe->pipe_id);
  }
  void check_dump(DumpContext&) override { ends_.check(); }
  void finish_dump(DumpContext& context) override { data_.write(context); }
  void prepare_restore(RestoreContext& context) override { data_.read(context); }
  // An end that no task has goes now: later the owner of the other end would be signalled (O_ASYNC:
  // fs/pipe.c, pipe_release()), as by the last close of any further open.
  void make(RestoreContext&) override {
    for (auto& [id, pipe] : pipes_) {
      if (pipe.same_writer && pipe.has_writer && !pipe.has_reader)
        pipe.any = std::move(pipe.same_writer);
      pipe.same_writer.reset();
      if (!pipe.has_reader) pipe.reader.reset();
      if (!pipe.has_writer) pipe.writer.reset();
    }
  }
  void before_release() override { pipes_.clear(); }

  std::unique_ptr<RestoredFile> read(RestoreContext& context, const FileEntry& entry) override {
    const PipeEntry* e = entry.pipe;
    if (e == nullptr) fail("file {} in files.img is no pipe", entry.id);
    Pipe& pipe = pipe_of(context, *e);
    if ((e->flags & O_PATH) != 0)
      return std::make_unique<RestoredPipeEnd>(pipe.any, e->flags, e->fown);
    const uint32_t mode = e->flags & O_ACCMODE;
    pipe.has_reader = pipe.has_reader || mode != O_WRONLY;
    pipe.has_writer = pipe.has_writer || mode != O_RDONLY;
    UniqueFd& original = mode == O_RDONLY ? pipe.reader : pipe.writer;
    if (original && mode != O_RDWR)
      return std::make_unique<OriginalPipeEnd>(std::move(original), e->flags, e->fown);
    return std::make_unique<RestoredPipeEnd>(pipe.any, e->flags, e->fown);
  }

 private:
  struct Pipe {
    UniqueFd any;             // to open further ends by
    UniqueFd reader, writer;  // not given away yet
    UniqueFd same_writer;
    bool has_reader = false, has_writer = false;
  };

  // The descriptor that stands for the pipe (--inherit-fd); negative: none.
  static int inherited(const RestoreContext& context, const PipeEntry& e) {
    const std::string key = fmt::format("pipe:[{}]", e.pipe_id);
    const auto it = context.inherited.find(key);
    if (it == context.inherited.end()) {
      if (e.has_external && e.external)
        fail("{} belongs to the outside: a restore is to be given one by --inherit-fd fd[N]:{}",
             key, key);
      return -1;
    }
    struct stat st {};
    if (fstat(it->second.get(), &st) < 0 || !S_ISFIFO(st.st_mode))
      fail("--inherit-fd for {}: the descriptor is no pipe", key);
    return it->second.get();
  }

  Pipe& pipe_of(RestoreContext& context, const PipeEntry& e) {
    Pipe& pipe = pipes_[e.pipe_id];
    if (pipe.any) return pipe;
    if (const int given = inherited(context, e); given >= 0) {
      pipe.any = context.fds.raise(UniqueFd(fcntl(given, F_DUPFD_CLOEXEC, 0)));
      return pipe;
    }
    int both[2];
    if (pipe2(both, O_CLOEXEC | O_NONBLOCK) < 0) fail_errno("cannot make a pipe");
    pipe.reader = context.fds.raise(UniqueFd(both[0]));
    pipe.writer = context.fds.raise(UniqueFd(both[1]));
    pipe.any = context.fds.raise(UniqueFd(fcntl(pipe.reader.get(), F_DUPFD_CLOEXEC, 0)));
    pipe.same_writer = context.fds.raise(UniqueFd(fcntl(pipe.writer.get(), F_DUPFD_CLOEXEC, 0)));
    data_.fill(e.pipe_id, pipe.writer.get());
    if (e.has_uid && e.has_gid && fchown(pipe.any.get(), e.uid, e.gid) < 0)
      fail_errno("cannot give pipe {:#x} to its owner {}:{}", e.pipe_id, e.uid, e.gid);
    if (e.has_mode && fchmod(pipe.any.get(), e.mode & 07777) < 0)
      fail_errno("cannot set the mode of pipe {:#x}", e.pipe_id);
    return pipe;
  }

  PipeData data_{image::Kind::kPipesData};
  PipeEnds ends_;
  std::map<uint32_t, Pipe> pipes_;  // by id
};

// A reader of a named pipe, opened before any writer that stays. The pipe remembers for each
// whether a writer has come since: fs/pipe.c, fifo_open().
class EarlyReader : public RestoredFile {
 public:
  EarlyReader(const UniqueFd& made, uint32_t flags, const FownEntry* fown)
      : made_(made), flags_(flags), fown_(fown) {}
  UniqueFd open() override {
    UniqueFd fd(fcntl(made_.get(), F_DUPFD_CLOEXEC, 0));
    if (!fd) fail_errno("cannot duplicate a reader of a named pipe");
    set_status_flags(fd.get(), flags_, "a named pipe");
    return fd;
  }
  uint32_t flags() const override { return flags_; }
  const FownEntry* fown() const override { return fown_; }

 private:
  const UniqueFd& made_;
  uint32_t flags_;
  const FownEntry* fown_;
};

class FifoKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__FIFO; }
  bool recognises(const OpenFile& f) const override {
    return S_ISFIFO(f.st.st_mode) && f.link.starts_with('/') && (f.flags & O_PATH) == 0;
  }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    FileEntry* path = context.extra_entry(FD_TYPES__REG);
    auto* reg = context.arena.make<RegFileEntry>();
    reg->id = path->id;
    reg->flags = static_cast<uint32_t>(f.flags);
    reg->fown = f.fown;
    reg->name = context.arena.text(context.remaps.examine(f, path->id));
    CRIU_SET_OPTIONAL(reg, mode, f.st.st_mode);
    auto* fifo = context.arena.make<FifoEntry>();
    fifo->id = entry->id;
    fifo->pipe_id = number_of(f);
    CRIU_SET_OPTIONAL(fifo, regf_id, path->id);
    pollfd p{f.own.get(), 0, 0};
    if (poll(&p, 1, 0) < 0) fail_errno("cannot poll {}", f.who());
    if ((f.flags & O_ACCMODE) == O_RDONLY && (p.revents & POLLHUP) == 0)
      CRIU_SET_OPTIONAL(fifo, no_hangup, 1);
    entry->fifo = fifo;
    path->reg = reg;
    data_.collect(f, fifo->pipe_id);
    if (data_.has_bytes(fifo->pipe_id))
      context.holders.add_filled_fifo(f.st.st_dev, f.st.st_ino, f.who());
  }
  void finish_dump(DumpContext& context) override { data_.write(context); }
  void prepare_restore(RestoreContext& context) override { data_.read(context); }

  std::unique_ptr<RestoredFile> read(RestoreContext& context, const FileEntry& entry) override {
    if (entry.fifo == nullptr || !entry.fifo->has_regf_id)
      fail("file {} in files.img is no named pipe", entry.id);
    const RegFileEntry& reg = context.reg_file(entry.fifo->regf_id);
    Fifo& fifo = fifos_[entry.fifo->pipe_id];
    if (fifo.name.empty())
      fifo.name = reg.name, fifo.path = context.remaps.resolve(reg.id, reg.name);
    if ((reg.flags & O_ACCMODE) != O_RDONLY) {
      fifo.has_writer = true;
      return std::make_unique<RestoredPipeEnd>(fifo.end, reg.flags, reg.fown);
    }
    Reader& reader = fifo.readers.emplace_back();
    reader.no_hangup = entry.fifo->has_no_hangup && entry.fifo->no_hangup;
    return std::make_unique<EarlyReader>(reader.fd, reg.flags, reg.fown);
  }

  void make(RestoreContext& context) override {
    for (auto& [id, fifo] : fifos_) {
      open(context, id, fifo);
      const auto open_readers = [&context, &fifo = fifo](bool no_hangup) {
        for (Reader& reader : fifo.readers)
          if (reader.no_hangup == no_hangup)
            reader.fd = context.fds.raise(reopen_pipe(fifo.end.get(), O_RDONLY | O_NONBLOCK));
      };
      open_readers(false);
      // What stands in it is kept by a reader from now on, and no writer is there.
      fifo.end = context.fds.raise(reopen_pipe(fifo.end.get(), O_RDONLY | O_NONBLOCK));
      open_readers(true);
    }
  }
  void before_release() override { fifos_.clear(); }

 private:
  struct Reader {
    UniqueFd fd;
    bool no_hangup = false;
  };
  struct Fifo {
    std::string name, path;
    UniqueFd end;               // to open further ends by, held until all are open
    std::list<Reader> readers;  // files refer to them
    bool has_writer = false;
  };

  // What the images call it: file systems have inodes of the same numbers.
  uint32_t number_of(const OpenFile& f) {
    const auto next = static_cast<uint32_t>(numbers_.size() + 1);
    return numbers_.try_emplace({f.st.st_dev, f.st.st_ino}, next).first->second;
  }

  // Both ways where that is needed, so that nobody waits for a partner (fifo(7)): a process outside
  // of the tree that waits for a writer would be told that one has come.
  void open(RestoreContext& context, uint32_t id, Fifo& fifo) {
    const bool both = fifo.has_writer || data_.has_bytes(id) ||
                      std::ranges::any_of(fifo.readers, [](const Reader& r) {
                        return !r.no_hangup;  // a writer has come and gone
                      });
    fifo.end =
        context.fds.raise(open_path(fifo.path, (both ? O_RDWR : O_RDONLY) | O_NONBLOCK | O_NOCTTY));
    struct stat st {};
    if (fstat(fifo.end.get(), &st) < 0 || !S_ISFIFO(st.st_mode))
      fail("{} is no named pipe any more", fifo.name);
    int queued = 0;
    if (data_.has_bytes(id) && ioctl(fifo.end.get(), FIONREAD, &queued) == 0 && queued != 0)
      fail("{} holds {} bytes already, by somebody who keeps it open", fifo.name, queued);
    data_.fill(id, fifo.end.get());
  }

  PipeData data_{image::Kind::kFifoData};
  std::map<std::pair<dev_t, ino_t>, uint32_t> numbers_;
  std::map<uint32_t, Fifo> fifos_;  // by pipe id
};

const KindRegistration pipe_registration([] { return std::make_unique<PipeKind>(); });
const KindRegistration fifo_registration([] { return std::make_unique<FifoKind>(); });

}  // namespace

}  // namespace criu::files
