// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-dump.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"
#include "criu/files/descriptor-table.h"
#include "criu/files/unsupported-file.h"

namespace criu::files {

namespace {

bool holds_lock(const std::string& fdinfo) {
  return fdinfo.starts_with("lock:") || fdinfo.find("\nlock:") != std::string::npos;
}

// The owner that signals of this open file go to (fcntl(2) F_SETOWN, F_SETSIG).
FownEntry* fown_entry(image::Arena& arena, const OpenFile& file) {
  auto* e = arena.make<FownEntry>();
  f_owner_ex owner{};
  const int signal = fcntl(file.own.get(), F_GETSIG);
  if (signal > 0) e->signum = static_cast<uint32_t>(signal);
  if (fcntl(file.own.get(), F_GETOWN_EX, &owner) < 0 || owner.pid == 0) return e;
  uint32_t uids[2] = {};
  constexpr int kGetOwnerUids = 17;  // F_GETOWNER_UIDS, linux/fcntl.h
  if (signal < 0 || fcntl(file.own.get(), kGetOwnerUids, uids) < 0)
    fail_errno("cannot read the owner of {}", file.who());
  e->uid = uids[0], e->euid = uids[1];
  e->signum = static_cast<uint32_t>(signal);
  // PIDTYPE_* of include/linux/pid.h: 0 thread, 1 thread group, 2 process group.
  e->pid_type = owner.type == F_OWNER_PGRP ? 2 : owner.type == F_OWNER_TID ? 0 : 1;
  e->pid = static_cast<uint32_t>(owner.pid);
  return e;
}

}  // namespace

FileDump::FileDump(const Options& options, const image::Directory& dir)
    : dir_(dir),
      remaps_(options, dir, [this] { return next_id_++; }),
      holders_(options.external),
      context_{options,
               dir,
               arena_,
               remaps_,
               shmem_,
               holders_,
               tasks_,
               [this](FdTypes type) { return new_entry(type); },
               [this](const Watched& watched) { return find_watched(watched); },
               [this](UniqueFd fd, const std::string& within) {
                 return add_under_way(std::move(fd), within);
               }},
      kinds_(make_kinds()) {}

// What was seen of a descriptor becomes an open file of ours.
void FileDump::take_over(const DescriptorSource& source, OpenFile& file) {
  file.own = source.get(file.fd);
  if (fstat(file.own.get(), &file.st) < 0) fail_errno("cannot examine {}", file.who());
}

// kcmp(2) puts open files in an order that no task can foresee, but that is one for all.
int FileDump::compare(const OpenFile& file, const Known& known) {
  const long rc = syscall(SYS_kcmp, file.pid, known.pid, KCMP_FILE, file.fd, known.fd);
  if (rc < 0)
    fail_errno("cannot compare {} with descriptor {} of task {} (kcmp)", file.who(), known.fd,
               known.pid);
  if (rc > 2)
    fail("{} and descriptor {} of task {} differ, but have no order (kcmp)", file.who(), known.fd,
         known.pid);
  return rc == 2 ? 1 : -static_cast<int>(rc);
}

FileDump::Found FileDump::find(const OpenFile& file) {
  std::vector<Known>& all = known_[{file.st.st_dev, file.st.st_ino}];
  size_t from = 0, to = all.size();
  while (from < to) {
    const size_t middle = from + (to - from) / 2;
    const int order = compare(file, all[middle]);
    if (order == 0) return {all, middle, true};
    if (order < 0)
      to = middle;
    else
      from = middle + 1;
  }
  return {all, from, false};
}

FileKind& FileDump::kind_of(const OpenFile& file) const {
  for (const auto& kind : kinds_)
    if (kind->recognises(file)) return *kind;
  fail("{}: {} is not supported yet", file.who(), describe_unsupported(file));
}

FileEntry* FileDump::add(const OpenFile& file) {
  FileKind& kind = kind_of(file);
  FileEntry* entry = new_entry(kind.type());
  kind.dump(context_, file, entry);
  return entry;
}

FileEntry* FileDump::new_entry(FdTypes type) {
  auto* entry = arena_.make<FileEntry>();
  entry->type = type;
  entry->id = next_id_++;
  entries_.push_back(entry);
  return entry;
}

const FileDump::Known& FileDump::know(OpenFile& file) {
  const Found found = find(file);
  if (found.is_known) return found.all[found.at];
  file.flags &= ~O_CLOEXEC;
  if ((file.flags & O_PATH) == 0)
    file.fown = fown_entry(arena_, file);
  else
    file.fown = arena_.make<FownEntry>();
  const FileEntry* entry = add(file);
  return *found.all.insert(found.all.begin() + static_cast<ptrdiff_t>(found.at),
                           {file.pid, file.fd, entry->id, entry->type});
}

// A descriptor of ours stands for it.
uint32_t FileDump::add_under_way(UniqueFd fd, const std::string& within) {
  OpenFile file = look_at_descriptor(DescriptorTable(getpid()), fd.get());
  file.within = within;
  take_over(DescriptorSource(getpid()), file);
  if (holds_lock(file.fdinfo)) fail("{}: locks of such a file are not supported yet", file.who());
  const uint32_t id = know(file).id;
  under_way_.push_back(std::move(fd));
  return id;
}

void FileDump::add_locks(const OpenFile& file, uint32_t file_id) {
  if (!context_.options.file_locks) fail("{}: the file is locked: use --file-locks", file.who());
  locks_.add(file, file_id);
}

std::vector<TableEntry> FileDump::add_table(TableLook& look) {
  const DescriptorSource source(look.pid());
  std::vector<TableEntry> table;
  tasks_.insert(look.pid());
  std::map<int, uint32_t>& ids = tables_[look.pid()];
  for (OpenFile& file : look.files) {
    take_over(source, file);
    TableEntry t;
    t.fd = static_cast<uint32_t>(file.fd);
    t.flags = (file.flags & O_CLOEXEC) != 0 ? FD_CLOEXEC : 0;
    const Known& known = know(file);
    t.type = known.type;
    t.file_id = known.id;
    if (holds_lock(file.fdinfo)) add_locks(file, known.id);
    ids.emplace_hint(ids.end(), file.fd, t.file_id);
    table.push_back(t);
    file.own.reset();
  }
  return table;
}

// kcmp(2) KCMP_EPOLL_TFD: as KCMP_FILE, in the same order.
std::optional<Whereabouts> FileDump::find_watched(const Watched& watched) const {
  const auto compare = [&](pid_t pid, int fd) {
    kcmp_epoll_slot slot{static_cast<uint32_t>(watched.set), static_cast<uint32_t>(watched.number),
                         watched.at};
    return syscall(SYS_kcmp, pid, watched.pid, KCMP_EPOLL_TFD, fd, &slot);
  };
  const std::map<int, uint32_t>& own = tables_.at(watched.pid);
  if (const auto it = own.find(watched.number);
      it != own.end() && compare(watched.pid, watched.number) == 0)
    return Whereabouts{it->second, watched.pid, watched.number};
  const auto inode = known_.find({watched.dev, watched.inode});
  if (inode == known_.end()) return std::nullopt;
  const std::vector<Known>& all = inode->second;
  for (size_t from = 0, to = all.size(); from < to;) {
    const Known& known = all[from + (to - from) / 2];
    const long order = compare(known.pid, known.fd);
    if (order < 0 || order > 2)
      fail_errno("cannot compare descriptor {} of task {} with what is watched by {} of task {}",
                 known.fd, known.pid, watched.set, watched.pid);
    if (order == 1)
      from += (to - from) / 2 + 1;
    else if (order == 2)
      to = from + (to - from) / 2;
    else
      return whereabouts(known, watched.pid);
  }
  return std::nullopt;
}

// In the table of pid, if that has it.
Whereabouts FileDump::whereabouts(const Known& known, pid_t pid) const {
  for (const auto& [fd, id] : tables_.at(pid))
    if (id == known.id) return {id, pid, fd};
  return {known.id, known.pid, known.fd};
}

uint32_t FileDump::add_place(OpenFile& place) {
  const auto [it, is_new] =
      places_.try_emplace({place.st.st_dev, place.st.st_ino, place.link, place.flags}, 0);
  if (is_new) {
    place.own = open_path(place.path(), O_PATH);
    place.fown = arena_.make<FownEntry>();
    it->second = add(place)->id;
    place.own.reset();
  }
  return it->second;
}

uint32_t FileDump::add_mapped(pid_t pid, const Mapped& mapped, const std::string& link) {
  const auto [it, is_new] = mapped_.try_emplace(mapped, 0);
  if (is_new) {
    OpenFile place = look_at_place(pid, link, std::get<int>(mapped));
    it->second = add_place(place);
  }
  return it->second;
}

void FileDump::note_program(uint32_t id, const std::string& path, uint64_t offset,
                            uint64_t length) {
  if (!context_.options.validate_build_ids) return;
  Program& program = programs_[id];
  program.path = path;
  program.parts.emplace(offset, length);
}

// A file whose contents are stored needs none of it.
void FileDump::identify_programs() {
  for (const FileEntry* entry : entries_) {
    const auto program = programs_.find(entry->id);
    if (program == programs_.end() || entry->reg == nullptr || entry->reg->has_shmid ||
        remaps_.is_ghost(entry->id))
      continue;
    const UniqueFd fd = open_path(program->second.path, O_RDONLY);
    store_identity(arena_, *entry->reg, fd.get(), program->second.parts);
  }
}

void FileDump::check() {
  holders_.check(tasks_, context_.options.separate_shared_memory);
  for (size_t before = 0; before < entries_.size();) {
    before = entries_.size();
    for (const auto& kind : kinds_) kind->look_inside(context_);
  }
  for (const auto& kind : kinds_) kind->check_dump(context_);
  locks_.check();
  identify_programs();
}

void FileDump::hold() {
  for (const auto& kind : kinds_) kind->hold(context_);
}

void FileDump::release() {
  for (const auto& kind : kinds_) kind->release();
}

void FileDump::before_kill() {
  for (const auto& kind : kinds_) kind->before_kill(context_);
}

void FileDump::write() {
  image::Writer img(dir_, image::Kind::kFiles);
  for (const FileEntry* entry : entries_) img.write(entry);
  remaps_.write(arena_, img);
  img.close();
  locks_.write(dir_);
  for (const auto& kind : kinds_) kind->finish_dump(context_);
}

}  // namespace criu::files
