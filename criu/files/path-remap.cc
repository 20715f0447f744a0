// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/path-remap.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/files/file-kind.h"

namespace criu::files {

namespace {

constexpr std::string_view kDeleted = " (deleted)";

// The data runs of a sparse file: SEEK_DATA and SEEK_HOLE of lseek(2).
std::vector<std::pair<uint64_t, uint64_t>> data_runs(int fd, uint64_t size) {
  std::vector<std::pair<uint64_t, uint64_t>> runs;
  for (off_t at = 0; static_cast<uint64_t>(at) < size;) {
    const off_t data = lseek(fd, at, SEEK_DATA);
    if (data < 0 && errno != ENXIO) fail_errno("cannot find the data of an unlinked file");
    if (data < 0) break;
    const off_t hole = lseek(fd, data, SEEK_HOLE);
    if (hole < 0) fail_errno("cannot find the holes of an unlinked file");
    runs.emplace_back(data, hole - data);
    at = hole;
  }
  return runs;
}

Timeval* time_entry(image::Arena& arena, const timespec& ts) {
  auto* t = arena.make<Timeval>();
  t->tv_sec = static_cast<uint64_t>(ts.tv_sec);
  t->tv_usec = static_cast<uint64_t>(ts.tv_nsec / 1000);
  return t;
}

// File systems within the kernel, whose files look as if they had a path.
void refuse_pathless(const OpenFile& file) {
  constexpr long kMqueue = 0x19800202, kSecretmem = 0x5345434d;  // linux/magic.h, ipc/mqueue.c
  struct statfs fs {};
  if (fstatfs(file.own.get(), &fs) < 0) fail_errno("cannot examine {}", file.who());
  if (fs.f_type == kMqueue) fail("{}: a POSIX message queue is not supported yet", file.who());
  if (fs.f_type == kSecretmem)
    fail("{}: secret memory (memfd_secret) cannot be read, and not be dumped", file.who());
}

UniqueFd duplicate(const OpenFile& file) {
  UniqueFd fd(fcntl(file.own.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd) fail_errno("cannot keep {}", file.who());
  return fd;
}

}  // namespace

PathRemaps::~PathRemaps() {
  for (const std::string& path : links_made_) unlink(path.c_str());
}

// A file may be open a thousand times.
bool PathRemaps::is_there(const std::string& path, const struct stat& file) {
  if (path == last_path_ && last_inode_ == Inode{file.st_dev, file.st_ino}) return true;
  struct stat there {};
  if (lstat(path.c_str(), &there) < 0 || there.st_dev != file.st_dev || there.st_ino != file.st_ino)
    return false;
  last_path_ = path, last_inode_ = {file.st_dev, file.st_ino};
  return true;
}

std::string PathRemaps::examine(const OpenFile& file, uint32_t file_id) {
  std::string path = file.link;
  if (path.empty() || path[0] != '/')
    fail("{}: it cannot be reached from the root directory: not supported yet", file.who());
  const bool marked = path.ends_with(kDeleted);
  if (file.st.st_nlink != 0 && is_there(path, file.st)) return path;
  refuse_pathless(file);
  if (file.st.st_nlink == 0) {
    if (marked) path.resize(path.size() - kDeleted.size());
    examine_ghost(file, file_id);
    return path;
  }
  if (marked) path.resize(path.size() - kDeleted.size());
  examine_link(file, file_id, path);
  return path;
}

bool PathRemaps::is_ghost(uint32_t file_id) const {
  return std::ranges::any_of(
      remaps_, [&](const Remap& r) { return r.file_id == file_id && r.type == REMAP_TYPE__GHOST; });
}

void PathRemaps::examine_ghost(const OpenFile& file, uint32_t file_id) {
  const auto size = static_cast<uint64_t>(file.st.st_size);
  if (S_ISREG(file.st.st_mode) && size > options_.ghost_limit)
    fail("{}: the unlinked file has {} bytes, more than --ghost-limit {}", file.who(), size,
         options_.ghost_limit);
  if (S_ISSOCK(file.st.st_mode)) fail("{}: unlinked sockets are not supported yet", file.who());
  const auto [it, is_new] =
      ghost_ids_.try_emplace({file.st.st_dev, file.st.st_ino}, ghost_ids_.size() + 1);
  remaps_.push_back({file_id, it->second, REMAP_TYPE__GHOST});
  if (!is_new) return;
  Ghost ghost;
  ghost.ghost_id = it->second;
  ghost.st = file.st;
  ghost.who = file.who();
  ghost.fd = duplicate(file);
  if (S_ISREG(file.st.st_mode)) ghost.fd = open_path(self_fd(ghost.fd.get()), O_RDONLY);
  ghosts_.push_back(std::move(ghost));
}

void PathRemaps::examine_link(const OpenFile& file, uint32_t file_id, const std::string& path) {
  if (!options_.link_remap)
    fail("{}: the file is no longer found by that name, but has others: use --link-remap",
         file.who());
  if (S_ISDIR(file.st.st_mode))
    fail("{}: another directory has its name now: not supported yet", file.who());
  const auto [it, is_new] = link_ids_.try_emplace({file.st.st_dev, file.st.st_ino}, 0);
  if (is_new) {
    it->second = next_id_();
    const std::string where = path.substr(0, path.rfind('/') + 1);
    links_.push_back(
        {it->second, duplicate(file), file.st, fmt::format("{}link_remap.{}", where, it->second)});
  }
  remaps_.push_back({file_id, it->second, REMAP_TYPE__LINKED});
}

void PathRemaps::write_ghost(image::Arena& arena, const Ghost& ghost) const {
  const auto size = static_cast<uint64_t>(ghost.st.st_size);
  const bool regular = S_ISREG(ghost.st.st_mode);
  auto* e = arena.make<GhostFileEntry>();
  e->uid = ghost.st.st_uid, e->gid = ghost.st.st_gid, e->mode = ghost.st.st_mode;
  CRIU_SET_OPTIONAL(e, dev, static_cast<uint32_t>(ghost.st.st_dev));
  CRIU_SET_OPTIONAL(e, ino, ghost.st.st_ino);
  if (S_ISCHR(ghost.st.st_mode) || S_ISBLK(ghost.st.st_mode))
    CRIU_SET_OPTIONAL(e, rdev, static_cast<uint32_t>(ghost.st.st_rdev));
  e->atim = time_entry(arena, ghost.st.st_atim);
  e->mtim = time_entry(arena, ghost.st.st_mtim);
  const bool sparse = regular && static_cast<uint64_t>(ghost.st.st_blocks) * 512 < size;
  if (regular) CRIU_SET_OPTIONAL(e, size, size);
  if (sparse) CRIU_SET_OPTIONAL(e, chunks, 1);

  image::Writer img(dir_, image::Kind::kGhostFile, ghost.ghost_id);
  img.write(e);
  if (sparse) {
    for (const auto& [offset, length] : data_runs(ghost.fd.get(), size)) {
      auto* c = arena.make<GhostChunkEntry>();
      c->off = offset, c->len = length;
      img.write(c);
      lseek(ghost.fd.get(), static_cast<off_t>(offset), SEEK_SET);
      img.write_from(ghost.fd.get(), length);
    }
  } else if (regular) {
    img.write_from(ghost.fd.get(), size);
  }
  img.close();
  log::debug("Dumped the unlinked file of {} as ghost {}", ghost.who, ghost.ghost_id);
}

void PathRemaps::make_link(image::Arena& arena, const Link& link, image::Writer& files_img) {
  if (linkat(AT_FDCWD, self_fd(link.fd.get()).c_str(), AT_FDCWD, link.path.c_str(),
             AT_SYMLINK_FOLLOW) < 0)
    fail_errno("cannot make the temporary link {}", link.path);
  links_made_.push_back(link.path);
  auto* reg = arena.make<RegFileEntry>();
  reg->id = link.file_id;
  reg->fown = arena.make<FownEntry>();
  reg->name = arena.text(link.path);
  CRIU_SET_OPTIONAL(reg, size, static_cast<uint64_t>(link.st.st_size));
  CRIU_SET_OPTIONAL(reg, mode, link.st.st_mode);
  auto* entry = arena.make<FileEntry>();
  entry->type = FD_TYPES__REG;
  entry->id = link.file_id;
  entry->reg = reg;
  files_img.write(entry);
}

void PathRemaps::write(image::Arena& arena, image::Writer& files_img) {
  for (const Ghost& ghost : ghosts_) write_ghost(arena, ghost);
  for (const Link& link : links_) make_link(arena, link, files_img);
  if (remaps_.empty()) return;
  image::Writer img(dir_, image::Kind::kRemapFpath);
  for (const Remap& remap : remaps_) {
    auto* e = arena.make<RemapFilePathEntry>();
    e->orig_id = remap.file_id;
    e->remap_id = remap.remap_id;
    CRIU_SET_OPTIONAL(e, remap_type, remap.type);
    img.write(e);
  }
  img.close();
}

}  // namespace criu::files
