// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-restore.h"

#include <fcntl.h>
#include <unistd.h>

#include <set>

#include "criu/base/error.h"

namespace criu::files {

FileRestore::FileRestore(const Options& options, const image::Directory& dir, const ServiceFds& fds,
                         std::function<int(uint64_t)> shmem_fd)
    : fds_(fds),
      remaps_(dir, fds, arena_),
      kinds_(make_kinds()),
      context_{options,
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
               std::move(shmem_fd)} {
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
  for (const uint32_t id : ids) needed(id).tables++;
}

void FileRestore::need_place(uint32_t file_id) {
  needed(file_id);
}

void FileRestore::prepare() {
  for (const auto& kind : kinds_) kind->prepare_restore(context_);
  for (auto& [id, n] : needed_) {
    const FileEntry& entry = *entries_.at(id);
    for (const auto& kind : kinds_)
      if (kind->type() == entry.type && kind->reads(entry)) n.file = kind->read(context_, entry);
    if (!n.file) {
      const ProtobufCEnumValue* type =
          protobuf_c_enum_descriptor_get_value(&fd_types__descriptor, entry.type);
      fail("files.img: files of type {} are not supported yet",
           type != nullptr ? type->name : std::to_string(entry.type));
    }
    if (n.tables > 1) n.shared = fds_.raise(n.file->open());
  }
}

void FileRestore::before_release() {
  for (const auto& kind : kinds_) kind->before_release();
}

void FileRestore::finish() {
  for (const auto& kind : kinds_) kind->finish_restore();
  remaps_.remove_links();
}

UniqueFd FileRestore::open_place(uint32_t file_id) {
  return fds_.raise(needed_.at(file_id).file->open());
}

void FileRestore::note_owner(uint32_t fd, const RestoredFile& file) {
  const FownEntry* owner = file.fown();
  if (owner == nullptr || (owner->signum == 0 && owner->pid == 0)) return;
  pie::FileOwner o{};
  o.fd = static_cast<int32_t>(fd);
  o.signal = static_cast<int32_t>(owner->signum);
  // PIDTYPE_* of include/linux/pid.h and F_OWNER_* of fcntl(2) are the same for these three:
  // 0 thread, 1 thread group, 2 process group.
  if (owner->pid_type > F_OWNER_PGRP)
    fail("descriptor {} has an owner of unknown type {}", fd, owner->pid_type);
  o.type = static_cast<int32_t>(owner->pid_type);
  o.pid = static_cast<int32_t>(owner->pid);
  o.uid = owner->uid, o.euid = owner->euid;
  o.async = (file.flags() & O_ASYNC) != 0 ? 1 : 0;
  owners_.push_back(o);
}

void FileRestore::restore_table(const std::vector<TableEntry>& table) {
  // First all are opened, up high; then every number below is free to be given.
  std::map<uint32_t, UniqueFd> own;
  for (const TableEntry& e : table) {
    const Needed& n = needed_.at(e.file_id);
    if (n.tables == 1 && !own.contains(e.file_id)) own[e.file_id] = fds_.raise(n.file->open());
  }
  fds_.close_others();
  for (const TableEntry& e : table) {
    const Needed& n = needed_.at(e.file_id);
    const int from = n.tables == 1 ? own.at(e.file_id).get() : n.shared.get();
    const int flags = (e.flags & FD_CLOEXEC) != 0 ? O_CLOEXEC : 0;
    if (dup3(from, static_cast<int>(e.fd), flags) < 0)
      fail_errno("cannot put descriptor {} in its place", e.fd);
    note_owner(e.fd, *n.file);
  }
}

}  // namespace criu::files
