// SPDX-License-Identifier: GPL-2.0-only
//
// Terminals: tty(4), pty(7). TtyDump finds out what each is, TtyRestore where each comes from.

#include <fcntl.h>

#include <optional>

#include "criu/files/file-kind.h"
#include "criu/files/tty-device.h"
#include "criu/files/tty-dump.h"
#include "criu/files/tty-restore.h"

namespace criu::files {

namespace {

class TtyKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__TTY; }
  bool recognises(const OpenFile& f) const override {
    return is_terminal(f.st) && (f.flags & O_PATH) == 0;
  }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    dump_.add(context, f, entry);
  }
  void check_dump(DumpContext& context) override { dump_.check(context); }
  void finish_dump(DumpContext& context) override { dump_.write(context); }

  void prepare_restore(RestoreContext& context) override { restore_.emplace(context); }
  std::unique_ptr<RestoredFile> read(RestoreContext& context, const FileEntry& entry) override {
    return restore_->read(context, entry);
  }
  void make(RestoreContext& context) override { restore_->make(context); }
  void fill(RestoreContext&) override { restore_->fill(); }
  void settle_session(pid_t leader) override { restore_->give_terminal(leader); }
  void settle_groups(pid_t leader) override { restore_->give_foreground(leader); }
  void before_release() override { restore_->before_release(); }
  void finish_restore() override { restore_->keep(); }

 private:
  TtyDump dump_;
  std::optional<TtyRestore> restore_;
};

const KindRegistration registration([] { return std::make_unique<TtyKind>(); });

}  // namespace

}  // namespace criu::files
