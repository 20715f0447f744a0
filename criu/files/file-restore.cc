// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-restore.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstring>
#include <set>
#include <utility>

#include "criu/base/child.h"
#include "criu/base/error.h"

namespace criu::files {

namespace {

// A descriptor number that stands for another open file until it is given back, at the latest with
// this object.
class LentNumber {
 public:
  // Throws Error.
  LentNumber(int number, int fd, const ServiceFds& fds)
      : number_(number),
        flags_(fcntl(number, F_GETFD)),
        owners_(fcntl(number, F_DUPFD_CLOEXEC, 0)) {
    if (owners_) owners_ = fds.raise(std::move(owners_));
    if (dup3(fd, number, O_CLOEXEC) < 0)
      fail_errno("cannot use descriptor {} for a moment", number);
    is_lent_ = true;
  }
  ~LentNumber() {
    if (is_lent_) return_to_owner();
  }
  LentNumber(const LentNumber&) = delete;
  LentNumber& operator=(const LentNumber&) = delete;

  // The file that has the number otherwise; -1: none.
  int owners() const { return owners_.get(); }
  // Throws Error.
  void give_back() {
    is_lent_ = false;
    if (return_to_owner() < 0) fail_errno("cannot put back descriptor {}", number_);
  }

 private:
  int return_to_owner() const {
    if (!owners_) return close(number_);
    return dup3(owners_.get(), number_, (flags_ & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0);
  }

  int number_, flags_;
  UniqueFd owners_;
  bool is_lent_ = false;
};

// As who it was set by; in a child. Returns an errno, or 0.
// As restore_owners() of the restorer.
int set_owner(const pie::FileOwner& o) {
  const f_owner_ex owner{static_cast<__pid_type>(o.type), o.pid};
  const bool is_set = (o.signal == 0 || fcntl(o.fd, F_SETSIG, o.signal) == 0) &&
                      (o.pid == 0 || (syscall(SYS_setresuid, o.uid, o.euid, -1) == 0 &&
                                      (fcntl(o.fd, F_SETOWN_EX, &owner) == 0 || errno == ESRCH))) &&
                      (o.async == 0 || fcntl(o.fd, F_SETFL, fcntl(o.fd, F_GETFL) | O_ASYNC) == 0);
  return is_set ? 0 : errno;
}

}  // namespace

FileRestore::FileRestore(const Options& options, const image::Directory& dir, const ServiceFds& fds,
                         RestoreServices services)
    : fds_(fds),
      remaps_(dir, fds, arena_),
      kinds_(make_kinds()),
      context_{
          std::move(services),
          options,
          dir,
          arena_,
          remaps_,
          fds,
          [this](uint32_t id) -> const RegFileEntry& {
            const auto it = entries_.find(id);
            if (it == entries_.end() || it->second->reg == nullptr)
              fail("files.img has no path of id {}", id);
            return *it->second->reg;
          },
          placed_last_,
          inherited_,
          [this](uint32_t id) { needed(id).by_others = true; },
          [this](uint32_t id) {
            const UniqueFd& fd = needed_.at(id).shared;
            if (!fd) fail("file {} cannot be under way in a socket", id);
            return fd.get();
          },
          [this](uint32_t id) -> const std::vector<StoredMessage>& { return messages_.of(id); }},
      locks_(dir) {
  for (const auto& [key, fd] : options.inherited)
    inherited_[key] = fds.raise(UniqueFd(fcntl(fd, F_DUPFD_CLOEXEC, 0)));
  image::Reader img(dir, image::Kind::kFiles);
  while (const auto* e = img.next<FileEntry>(arena_)) {
    entries_[e->id] = e;
    remaps_.note_file(*e);
  }
}

FileRestore::Needed& FileRestore::needed(uint32_t file_id) {
  if (!entries_.contains(file_id)) fail("files.img has no file of id {}", file_id);
  return needed_[file_id];
}

void FileRestore::need_table(const std::vector<TableEntry>& table) {
  std::set<uint32_t> ids;
  for (const TableEntry& e : table) {
    if (needed(e.file_id), entries_.at(e.file_id)->type != e.type)
      fail("descriptor {} and file {} are of different types", e.fd, e.file_id);
    ids.insert(e.file_id);
  }
  for (const uint32_t id : ids) needed(id).tables.push_back(&table);
}

void FileRestore::need_place(uint32_t file_id) {
  needed(file_id);
}

bool FileRestore::are_same_place(uint32_t one, uint32_t other) const {
  const RegFileEntry *a = entries_.at(one)->reg, *b = entries_.at(other)->reg;
  return one == other || (a != nullptr && b != nullptr && strcmp(a->name, b->name) == 0 &&
                          remaps_.are_remapped_alike(one, other));
}

void FileRestore::need_mapped_socket(uint32_t file_id) {
  needed(file_id).by_others = true;
  const FdTypes type = entries_.at(file_id)->type;
  if (type != FD_TYPES__PACKETSK && type != FD_TYPES__INETSK)
    fail("file {} in files.img is mapped as a socket, and is none that can be", file_id);
}

int FileRestore::mapped_socket(uint32_t file_id) const {
  return needed_.at(file_id).shared.get();
}

std::unique_ptr<RestoredFile> FileRestore::read(const FileEntry& entry) {
  for (const auto& kind : kinds_)
    if (kind->type() == entry.type && kind->reads(entry)) return kind->read(context_, entry);
  const ProtobufCEnumValue* type =
      protobuf_c_enum_descriptor_get_value(&fd_types__descriptor, entry.type);
  fail("files.img: files of type {} are not supported yet",
       type != nullptr ? type->name : std::to_string(entry.type));
}

// Reading one may show that another is needed.
void FileRestore::read_all() {
  for (size_t read_before = 0; read_before < needed_.size();) {
    read_before = needed_.size();
    for (auto& [id, n] : needed_)
      if (!n.file) n.file = read(*entries_.at(id));
  }
}

// What a file names is to be had where it is linked, in its first table.
void FileRestore::share_linked() {
  std::vector<uint32_t> shared;
  for (const auto& [id, n] : needed_) {
    if (n.tables.empty()) continue;
    for (const uint32_t other : n.file->linked())
      if (!needed(other).has(n.tables.front())) shared.push_back(other);
  }
  for (const uint32_t id : shared) needed(id).by_others = true;
}

void FileRestore::open_shared(Needed& n) {
  if (n.file->opens_late())
    n.handover.emplace(fds_);
  else
    n.shared = fds_.raise(n.file->open());
}

void FileRestore::read() {
  messages_.read(context_.dir, arena_);
  for (const auto& kind : kinds_) kind->prepare_restore(context_);
  read_all();
  share_linked();
  read_all();
}

void FileRestore::prepare() {
  for (const auto& kind : kinds_) kind->make_devices(context_);
  for (const auto& kind : kinds_) kind->make(context_);
  for (auto& [id, n] : needed_)
    if (n.is_shared()) open_shared(n);
  for (const auto& kind : kinds_) kind->fill(context_);
}

void FileRestore::fill_late() {
  for (const auto& kind : kinds_) kind->fill_late(context_);
}

void FileRestore::settle_session(pid_t leader) {
  for (const auto& kind : kinds_) kind->settle_session(leader);
}

void FileRestore::settle_groups(pid_t leader) {
  for (const auto& kind : kinds_) kind->settle_groups(leader);
}

void FileRestore::before_release() {
  remaps_.end_processes();
  set_owners_under_way();
  for (const auto& kind : kinds_) kind->before_release();
  for (const auto& kind : kinds_) kind->watch(context_);
  for (auto& [id, n] : needed_)
    if (!n.file->is_used_to_the_end()) n.shared.reset(), n.file.reset();
}

void FileRestore::finish() {
  for (const auto& kind : kinds_) kind->finish_restore();
  remaps_.remove_links();
}

UniqueFd FileRestore::open_place(uint32_t file_id) {
  return fds_.raise(needed_.at(file_id).file->open());
}

void FileRestore::note_of_thread(const TableEntry& e) {
  const Needed& n = needed_.at(e.file_id);
  pie::ThreadFile f{};
  f.fd = static_cast<int32_t>(e.fd);
  f.tid = *n.file->thread();
  f.flags = n.file->flags() & (O_NONBLOCK | kPidfdThread);
  f.close_on_exec = (e.flags & FD_CLOEXEC) != 0 ? 1 : 0;
  const auto [first, is_first] = first_numbers_.try_emplace(e.file_id, f.fd);
  f.like = is_first ? -1 : first->second;
  f.in = n.handover ? n.handover->in() : -1;
  f.out = n.handover ? n.handover->out() : -1;
  thread_files_.push_back(f);
}

std::optional<pie::FileOwner> FileRestore::owner_of(int fd, const RestoredFile& file) {
  const FownEntry* owner = file.fown();
  if (owner == nullptr) return std::nullopt;
  // Signals may have been asked for before anybody is to get them.
  const bool async = (file.flags() & O_ASYNC) != 0 && (file.flags() & O_PATH) == 0;
  if (owner->signum == 0 && owner->pid == 0 && !async) return std::nullopt;
  pie::FileOwner o{};
  o.fd = fd;
  o.signal = static_cast<int32_t>(owner->signum);
  // PIDTYPE_* of include/linux/pid.h and F_OWNER_* of fcntl(2) are the same for these three:
  // 0 thread, 1 thread group, 2 process group.
  if (owner->pid_type > F_OWNER_PGRP)
    fail("descriptor {} has an owner of unknown type {}", fd, owner->pid_type);
  o.type = static_cast<int32_t>(owner->pid_type);
  o.pid = static_cast<int32_t>(owner->pid);
  o.uid = owner->uid, o.euid = owner->euid;
  o.async = async ? 1 : 0;
  return o;
}

// What is in no table is the coordinator's alone. The restorer does this for all others.
void FileRestore::set_owners_under_way() {
  for (const auto& [id, n] : needed_) {
    if (!n.tables.empty() || !n.shared) continue;
    const auto owner = owner_of(n.shared.get(), *n.file);
    if (!owner) continue;
    errno = run_in_child([o = *owner] { return set_owner(o); });
    if (errno != 0) fail_errno("cannot set the owner of file {}, which is under way", id);
  }
}

bool FileRestore::opens_in_place(const Needed& n) {
  return !n.shared && !n.handover && n.file->opens_in_place();
}

// What can be opened when every number of the table is free is left for then.
FileRestore::Own FileRestore::open_own(const Table& table) {
  Own own;
  const auto open = [&](uint32_t id, const Needed& n) {
    if (n.shared || n.file->thread() || opens_in_place(n) || own.raised.contains(id)) return;
    UniqueFd fd = n.handover ? n.handover->get([&] { return n.file->open(); }) : n.file->open();
    own.raised[id] = fds_.raise(std::move(fd));
  };
  for (const TableEntry& e : table) {
    const Needed& n = needed_.at(e.file_id);
    open(e.file_id, n);
    if (n.tables.front() != &table) continue;
    for (const uint32_t other : n.file->linked()) open(other, needed_.at(other));
  }
  return own;
}

void FileRestore::place(const Table& table, Own& own) {
  for (const TableEntry& e : table) {
    const Needed& n = needed_.at(e.file_id);
    if (n.file->thread())
      note_of_thread(e);
    else if (opens_in_place(n) && !own.placed.contains(e.file_id))
      own.placed[e.file_id] = open_in_place(e, *n.file);
    else
      put_in_place(e, fd_of(e.file_id, own));
    if (const auto o = owner_of(static_cast<int>(e.fd), *n.file)) owners_.push_back(*o);
  }
}

int FileRestore::fd_of(uint32_t file_id, const Own& own) const {
  if (const auto it = own.placed.find(file_id); it != own.placed.end()) return it->second;
  if (const auto it = own.raised.find(file_id); it != own.raised.end()) return it->second.get();
  const auto it = needed_.find(file_id);
  if (it == needed_.end() || !it->second.shared) fail("file {} is not to be had here", file_id);
  return it->second.shared.get();
}

void FileRestore::link(const Table& table, const Own& own) {
  std::map<uint32_t, const TableEntry*> entries;
  for (const TableEntry& e : table) entries[e.fd] = &e;
  Links links;
  links.file_at = [&](uint32_t number) -> std::optional<uint32_t> {
    const auto it = entries.find(number);
    if (it == entries.end()) return std::nullopt;
    return it->second->file_id;
  };
  links.fd_of = [&](uint32_t id) { return fd_of(id, own); };
  links.while_at = [&](uint32_t number, int fd, const std::function<void()>& f) {
    if (fd == static_cast<int>(number)) return f();
    LentNumber lent(static_cast<int>(number), fd, fds_);
    const int own = links.own;
    if (own == static_cast<int>(number)) links.own = lent.owners();
    f();
    links.own = own;
    lent.give_back();
  };
  std::set<uint32_t> done;
  for (const TableEntry& e : table) {
    const Needed& n = needed_.at(e.file_id);
    if (n.file->thread() || !done.insert(e.file_id).second) continue;
    links.own = fd_of(e.file_id, own);
    n.file->link_each(links.own);
    if (n.tables.front() == &table) n.file->link(links);
  }
}

int FileRestore::open_in_place(const TableEntry& e, RestoredFile& file) {
  UniqueFd fd = file.open();
  if (fd.get() != static_cast<int>(e.fd))
    put_in_place(e, fd.get());
  else if (fcntl(fd.get(), F_SETFD, e.flags & FD_CLOEXEC) < 0)
    fail_errno("cannot set the flags of descriptor {}", e.fd);
  else
    fd.release();
  return static_cast<int>(e.fd);
}

void FileRestore::put_in_place(const TableEntry& e, int fd) {
  const int flags = (e.flags & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0;
  if (dup3(fd, static_cast<int>(e.fd), flags) < 0)
    fail_errno("cannot put descriptor {} in its place", e.fd);
}

void FileRestore::restore_table(pid_t pid, const Table& table) {
  Own own = open_own(table);
  fds_.close_others();
  place(table, own);
  link(table, own);
  locks_.take(pid);
}

}  // namespace criu::files
