// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-dump.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"
#include "criu/files/descriptor-table.h"
#include "criu/files/kcmp-order.h"
#include "criu/files/unsupported-file.h"

namespace criu::files {

namespace {

bool holds_lock(const std::string& fdinfo) {
  return fdinfo.starts_with("lock:") || fdinfo.find("\nlock:") != std::string::npos;
}

FownEntry* fown_entry(image::Arena& arena, const SignalOwner& owner) {
  auto* e = arena.make<FownEntry>();
  e->signum = static_cast<uint32_t>(owner.signal);
  if (owner.pid == 0) return e;
  e->uid = owner.uids[0], e->euid = owner.uids[1];
  // PIDTYPE_* of include/linux/pid.h: 0 thread, 1 thread group, 2 process group.
  e->pid_type = owner.type == F_OWNER_PGRP ? 2 : owner.type == F_OWNER_TID ? 0 : 1;
  e->pid = static_cast<uint32_t>(owner.pid);
  return e;
}

}  // namespace

FileDump::FileDump(const Options& options, const image::Directory& dir,
                   std::function<const std::string&()> run_id)
    : dir_(dir),
      remaps_(options, dir, [this] { return next_id_++; }),
      holders_(options.external),
      context_{options,
               std::move(run_id),
               dir,
               arena_,
               remaps_,
               shmem_,
               holders_,
               tasks_,
               of_threads_,
               late_,
               [this](FdTypes type) { return new_entry(type); },
               [this](const Watched& watched) { return find_watched(watched); },
               [this](UniqueFd fd, const std::string& within) {
                 return add_under_way(std::move(fd), within);
               },
               [this](const SkPacketEntry* e, std::vector<uint8_t> data) {
                 messages_.add(e, std::move(data));
               },
               [this](const std::string& link, const std::string& line, const std::string& what) {
                 holders_.add_told(link, line, what);
               },
               [this](const std::string& link, const std::string& what) {
                 holders_.add_socket(link, what);
               }},
      kinds_(make_kinds()) {}

// Tables of tasks that were forked have much in common, in the same order: the next one is most
// likely near to the one before.
FileDump::Found FileDump::find(const Known& file, const std::vector<Known>& all, size_t from) {
  size_t low = from, high = from;
  for (size_t step = 1; high < all.size(); high = low + step - 1, step *= 2) {
    const int order = compare(file, all[high]);
    if (order == 0) return {high, true};
    if (order < 0) break;
    low = high + 1;
  }
  high = std::min(high, all.size());
  while (low < high) {
    const size_t middle = low + (high - low) / 2;
    const int order = compare(file, all[middle]);
    if (order == 0) return {middle, true};
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return {low, false};
}

int FileDump::compare(const Known& a, const Known& b) {
  return compare_open_files(a.pid, a.fd, b.pid, b.fd);
}

FileKind& FileDump::kind_of(const OpenFile& file) const {
  for (const auto& kind : kinds_)
    if (kind->recognises(file)) return *kind;
  fail("{}: {} is not supported yet", file.who(), describe_unsupported(file));
}

FileEntry* FileDump::add(const OpenFile& file) {
  FileKind& kind = kind_of(file);
  FileEntry* entry = new_entry(kind.type());
  if (const auto expected = expected_.extract({file.st.st_dev, file.st.st_ino}))
    entry->id = expected.mapped();
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

FileDump::Known FileDump::add_new(OpenFile& file) {
  file.fown = fown_entry(arena_, file.owner);
  const FileEntry* entry = add(file);
  return {file.pid, file.fd, entry->id, entry->type};
}

// A descriptor of ours stands for it.
uint32_t FileDump::add_under_way(UniqueFd fd, const std::string& within) {
  const DescriptorTable table(getpid());
  OpenFile file = look_at_descriptor(table, fd.get());
  file.within = within;
  if (holds_lock(file.fdinfo)) fail("{}: locks of such a file are not supported yet", file.who());
  std::vector<Known>& all = known_[{file.st.st_dev, file.st.st_ino}];
  const Found found = find({file.pid, file.fd}, all, 0);
  if (!found.is_known) all.insert(all.begin() + static_cast<ptrdiff_t>(found.at), add_new(file));
  under_way_.push_back(std::move(fd));
  who_under_way_.try_emplace(all[found.at].id, file.who());
  return all[found.at].id;
}

void FileDump::add_locks(const OpenFile& file, uint32_t file_id) {
  if (!context_.options.file_locks) fail("{}: the file is locked: use --file-locks", file.who());
  locks_.add(file, file_id);
}

// Finds each open file of a table among those that are known.
FileDump::Lookup FileDump::look_up(const TableLook& look) {
  Lookup lookup;
  for (const auto& [inode, in_order] : look.in_order) {
    const std::vector<Known>& all = known_[inode];
    std::vector<Candidate>& candidates = lookup.candidates[inode];
    candidates.reserve(in_order.size());
    size_t from = 0;
    for (const Duplicates& fds : in_order) {
      const Found found = find({look.pid(), fds.front()}, all, from);
      from = found.at;
      Candidate& c = candidates.emplace_back(found.at);
      if (found.is_known) c.known = all[found.at];
      for (const int fd : fds) lookup.by_number[fd] = &c;
    }
  }
  return lookup;
}

// What was new in a table belongs between those that were known.
void FileDump::keep(const Lookup& lookup) {
  for (const auto& [inode, candidates] : lookup.candidates) {
    std::vector<Known>& all = known_[inode];
    std::vector<Known> merged;
    size_t done = 0;
    for (const Candidate& c : candidates) {
      if (c.at < all.size() && all[c.at].id == c.known->id) continue;
      for (; done < c.at; done++) merged.push_back(all[done]);
      merged.push_back(*c.known);
    }
    if (merged.empty()) continue;
    merged.insert(merged.end(), all.begin() + static_cast<ptrdiff_t>(done), all.end());
    all = std::move(merged);
  }
}

std::vector<TableEntry> FileDump::add_table(TableLook& look) {
  std::vector<TableEntry> table;
  tasks_.insert(look.pid());
  std::map<int, uint32_t>& ids = tables_[look.pid()];
  Lookup lookup = look_up(look);
  for (OpenFile& file : look.files) {
    std::optional<Known>& known = lookup.by_number.at(file.fd)->known;
    if (!known) known = add_new(file);
    if (holds_lock(file.fdinfo)) add_locks(file, known->id);
    ids.emplace_hint(ids.end(), file.fd, known->id);
    table.push_back({static_cast<uint32_t>(file.fd), 0, known->type, known->id});
    file.own.reset();
  }
  keep(lookup);
  look.close();
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
    place.own = OwnDescriptor(open_path(place.path(), O_PATH));
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

uint32_t FileDump::add_mapped_socket(dev_t dev, ino_t inode, MappedSocket mapped) {
  const auto known = known_.find({dev, inode});
  mapped.file_id = known != known_.end() && !known->second.empty()
                       ? known->second.front().id
                       : expected_.try_emplace({dev, inode}, next_id_++).first->second;
  mapped_sockets_.push_back(mapped);
  return mapped.file_id;
}

void FileDump::check_mapped_sockets() const {
  for (const MappedSocket& m : mapped_sockets_) {
    const auto entry =
        std::ranges::find_if(entries_, [&](const FileEntry* e) { return e->id == m.file_id; });
    if (entry == entries_.end())
      fail("{}: a mapping of a socket that no task has open is not supported yet", m.who);
    const auto kind = std::ranges::find_if(
        kinds_, [&](const auto& k) { return k->type() == (*entry)->type && k->reads(**entry); });
    (*kind)->check_mapping(**entry, m);
  }
}

void FileDump::check_under_way() const {
  for (const auto& [id, who] : who_under_way_)
    if (late_.contains(id))
      fail("{}: of what is under way in a socket, a file of a process is not supported yet", who);
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

// Whoever maps a file at a restore opens it for that.
void FileDump::check_leases() {
  for (const FileLocksDump::Lease& lease : locks_.leases()) {
    remaps_.add_lease(lease.device, lease.inode, lease.who);
    const auto at = places_.lower_bound({lease.device, lease.inode, std::string(), INT_MIN});
    const bool is_mapped = at != places_.end() && std::get<0>(at->first) == lease.device &&
                           std::get<1>(at->first) == lease.inode;
    if (is_mapped && !lease.for_reading)
      fail("{}: a write lease of a file that is mapped too is not supported yet", lease.who);
  }
  remaps_.check();
}

void FileDump::check() {
  holders_.check(tasks_, context_.options.separate_shared_memory);
  for (size_t before = 0; before < entries_.size();) {
    before = entries_.size();
    for (const auto& kind : kinds_) kind->look_inside(context_);
  }
  check_under_way();
  for (const auto& kind : kinds_) kind->check_dump(context_);
  check_mapped_sockets();
  locks_.check();
  check_leases();
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
  messages_.write(dir_);
  for (const auto& kind : kinds_) kind->finish_dump(context_);
}

}  // namespace criu::files
