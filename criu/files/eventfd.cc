// SPDX-License-Identifier: GPL-2.0-only
//
// Event counters: eventfd(2).

#include <sys/eventfd.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/files/anon-inode.h"

namespace criu::files {

namespace {

class RestoredEventFd : public RestoredEntry<EventfdFileEntry> {
 public:
  using RestoredEntry::RestoredEntry;

  UniqueFd open() override {
    const int semaphore = entry_.has_semaphore && entry_.semaphore ? EFD_SEMAPHORE : 0;
    UniqueFd fd(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK | semaphore));
    if (!fd) fail_errno("cannot make an eventfd");
    if (entry_.counter != 0)
      write_all(fd.get(), &entry_.counter, sizeof entry_.counter, "the counter of an eventfd");
    set_status_flags(fd.get(), entry_.flags, "an eventfd");
    return fd;
  }
};

class EventFdKind : public FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__EVENTFD; }
  bool recognises(const OpenFile& f) const override { return is_anon_inode(f, "eventfd"); }

  void dump(DumpContext& context, const OpenFile& f, FileEntry* entry) override {
    auto* e = context.arena.make<EventfdFileEntry>();
    e->id = entry->id;
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    e->counter = must_find_info(f, "eventfd-count", 16);
    // Since Linux 6.7, fs/eventfd.c.
    if (const auto semaphore = find_info(f, "eventfd-semaphore"))
      CRIU_SET_OPTIONAL(e, semaphore, *semaphore != 0);
    entry->efd = e;
  }

  std::unique_ptr<RestoredFile> read(RestoreContext&, const FileEntry& entry) override {
    if (entry.efd == nullptr) fail("file {} in files.img is no eventfd", entry.id);
    constexpr uint64_t kMost = UINT64_MAX - 1;  // eventfd(2)
    if (entry.efd->counter > kMost) fail("file {}: no eventfd counts that far", entry.id);
    return std::make_unique<RestoredEventFd>(*entry.efd);
  }
};

const KindRegistration registration([] { return std::make_unique<EventFdKind>(); });

}  // namespace

}  // namespace criu::files
