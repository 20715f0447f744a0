// SPDX-License-Identifier: GPL-2.0-only
//
// Signals taken from a descriptor: signalfd(2). It holds none itself: whoever reads gets his own.

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/files/anon-inode.h"

namespace criu::files {

namespace {

class RestoredSignalFd : public RestoredEntry<SignalfdEntry> {
 public:
  using RestoredEntry::RestoredEntry;

  UniqueFd open() override {
    const uint64_t mask = entry_.sigmask;  // bit N-1 for signal N
    UniqueFd fd(static_cast<int>(syscall(SYS_signalfd4, -1, &mask, sizeof mask, O_CLOEXEC)));
    if (!fd) fail_errno("cannot make a signalfd");
    set_status_flags(fd.get(), entry_.flags, "a signalfd");
    return fd;
  }
};

class SignalFdKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__SIGNALFD; }
  bool recognises(const OpenFile& f) const override { return is_anon_inode(f, "signalfd"); }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    auto* e = context.arena.make<SignalfdEntry>();
    e->id = entry->id;
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    e->sigmask = must_find_info(f, "sigmask", 16);
    entry->sgfd = e;
  }

  std::unique_ptr<RestoredFile> read(RestoreContext&, const FileEntry& entry) override {
    if (entry.sgfd == nullptr) fail("file {} in files.img is no signalfd", entry.id);
    return std::make_unique<RestoredSignalFd>(*entry.sgfd);
  }
};

const KindRegistration registration([] { return std::make_unique<SignalFdKind>(); });

}  // namespace

}  // namespace criu::files
