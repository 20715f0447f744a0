// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/path-remap.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <signal.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"
#include "criu/files/file-kind.h"
#include "criu/files/sparse.h"

namespace criu::files {

namespace {

constexpr int kMaxLinkNames = 1000;
constexpr std::string_view kDeleted = " (deleted)";

Timeval* time_entry(image::Arena& arena, const timespec& ts) {
  auto* t = arena.make<Timeval>();
  t->tv_sec = static_cast<uint64_t>(ts.tv_sec);
  t->tv_usec = static_cast<uint64_t>(ts.tv_nsec / 1000);
  return t;
}

long type_of_file_system(const OpenFile& file) {
  struct statfs fs {};
  if (fstatfs(file.own.get(), &fs) < 0) fail_errno("cannot examine {}", file.who());
  return fs.f_type;
}

// File systems within the kernel, whose files look as if they had a path.
void refuse_pathless(const OpenFile& file) {
  constexpr long kMqueue = 0x19800202, kSecretmem = 0x5345434d;  // linux/magic.h, ipc/mqueue.c
  const long type = type_of_file_system(file);
  if (type == kMqueue) fail("{}: a POSIX message queue is not supported yet", file.who());
  if (type == kSecretmem)
    fail("{}: secret memory (memfd_secret) cannot be read, and not be dumped", file.who());
}

// "/proc/12/task/13/stat": the thread is not there yet when files are opened.
void refuse_file_of_thread(const OpenFile& file) {
  constexpr std::string_view kTask = "/task/";
  const size_t at = file.link.find(kTask);
  if (at == std::string::npos || type_of_file_system(file) != PROC_SUPER_MAGIC) return;
  const std::string_view link = file.link;
  const uint64_t process = proc::to_u64(link.substr(link.rfind('/', at - 1) + 1));
  const uint64_t thread = proc::to_u64(link.substr(at + kTask.size()));
  if (thread != 0 && process != thread)
    fail_for_now("{}: what /proc has of a thread is not supported yet", file.who());
}

std::string target_of(int link, const std::string& who) {
  char target[PATH_MAX];
  const ssize_t n = readlinkat(link, "", target, sizeof target);
  if (n < 0) fail_errno("cannot read the symbolic link of {}", who);
  return std::string(target, static_cast<size_t>(n));
}

// A look at it is no access, where the kernel lets us say so: fs/open.c, may_open().
UniqueFd open_to_read(int fd) {
  UniqueFd opened(::open(self_fd(fd).c_str(), O_RDONLY | O_NOATIME | O_CLOEXEC));
  if (!opened && errno != EPERM) fail_errno("cannot open {}", read_link(self_fd(fd)));
  return opened ? std::move(opened) : open_path(self_fd(fd), O_RDONLY);
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
  if (lstat(path.c_str(), &there) < 0) {
    if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == ENAMETOOLONG)
      return false;
    fail_errno("cannot examine {}", path);
  }
  if (there.st_dev != file.st_dev || there.st_ino != file.st_ino) return false;
  last_path_ = path, last_inode_ = {file.st_dev, file.st_ino};
  return true;
}

std::string PathRemaps::examine(const OpenFile& file, uint32_t file_id) {
  std::string path = file.link;
  if (path.empty() || path[0] != '/')
    fail("{}: it cannot be reached from the root directory: not supported yet{}", file.who(),
         file.fd < 0
             ? std::string()
             : fmt::format("; --external {} lets a restore be given another", file.external_key()));
  const bool marked = path.ends_with(kDeleted);
  if (file.st.st_nlink != 0 && is_there(path, file.st)) {
    refuse_file_of_thread(file);
    return path;
  }
  refuse_pathless(file);
  if (marked) path.resize(path.size() - kDeleted.size());
  // What /proc has in directories such as net is looked up anew each time, and marks the last look.
  if (marked && type_of_file_system(file) == PROC_SUPER_MAGIC && is_there(path, file.st)) {
    refuse_file_of_thread(file);
    return path;
  }
  if (examine_ended(file, file_id, path)) return path;
  if (file.st.st_nlink == 0) {
    examine_ghost(file, file_id);
    return path;
  }
  examine_link(file, file_id, path);
  return path;
}

// A process of the restore's is there for a moment in its place. It has what all processes have.
bool PathRemaps::examine_ended(const OpenFile& file, uint32_t file_id, const std::string& path) {
  if (type_of_file_system(file) != PROC_SUPER_MAGIC) return false;
  constexpr std::string_view kProc = "/proc/";
  const uint64_t pid = path.starts_with(kProc) ? proc::to_u64(path.substr(kProc.size())) : 0;
  const size_t below = path.find('/', kProc.size());
  const bool is_deep = below != std::string::npos && path.find('/', below + 1) != std::string::npos;
  if (pid == 0 || is_deep)
    fail_for_now("{}: the process that it belongs to has ended: not supported yet", file.who());
  if (kill(static_cast<pid_t>(pid), 0) == 0 || errno != ESRCH)
    fail_for_now(
        "{}: process {} does not have it: it is of another mount of /proc, or of an ended process "
        "whose pid has been given anew: not supported yet",
        file.who(), pid);
  remaps_.push_back({file_id, static_cast<uint32_t>(pid), REMAP_TYPE__PROCFS});
  return true;
}

bool PathRemaps::is_ghost(uint32_t file_id) const {
  return std::ranges::any_of(
      remaps_, [&](const Remap& r) { return r.file_id == file_id && r.type == REMAP_TYPE__GHOST; });
}

// What has to be stored of it: holes take no room.
void PathRemaps::check_size(const struct stat& st, const std::string& who) const {
  const auto bytes = static_cast<uint64_t>(st.st_blocks) * 512;
  if (S_ISREG(st.st_mode) && bytes > options_.ghost_limit)
    fail("{}: the unlinked file takes {} bytes, more than --ghost-limit {}", who, bytes,
         options_.ghost_limit);
}

void PathRemaps::examine_ghost(const OpenFile& file, uint32_t file_id) {
  check_size(file.st, file.who());
  if (S_ISSOCK(file.st.st_mode)) fail("{}: unlinked sockets are not supported yet", file.who());
  if (type_of_file_system(file) == DEVPTS_SUPER_MAGIC)
    fail("{}: it stands for a terminal (O_PATH) that is gone: not supported yet", file.who());
  const auto [it, is_new] =
      ghost_ids_.try_emplace({file.st.st_dev, file.st.st_ino}, ghost_ids_.size() + 1);
  remaps_.push_back({file_id, it->second, REMAP_TYPE__GHOST});
  if (!is_new) return;
  Ghost ghost;
  ghost.ghost_id = it->second;
  ghost.st = file.st;
  ghost.who = file.who();
  ghost.fd = duplicate(file);
  if (S_ISLNK(file.st.st_mode)) ghost.target = target_of(file.own.get(), file.who());
  ghosts_.push_back(std::move(ghost));
}

// To open the file would break the lease, and wait until its holder gives it up, who stands still:
// fs/locks.c, __break_lease().
void PathRemaps::open_contents(Ghost& ghost) const {
  if (const auto it = leases_.find({ghost.st.st_dev, ghost.st.st_ino}); it != leases_.end())
    fail("{}: a lease of an unlinked file is not supported yet", it->second);
  if (S_ISREG(ghost.st.st_mode)) ghost.fd = open_to_read(ghost.fd.get());
}

void PathRemaps::check() {
  for (Ghost& ghost : ghosts_) open_contents(ghost);
}

void PathRemaps::examine_link(const OpenFile& file, uint32_t file_id, const std::string& path) {
  const std::string where = path.substr(0, path.rfind('/') + 1);
  refuse_unlinkable(file, path, where);
  if (!options_.link_remap)
    fail_for_now("{}: the file is no longer found by that name, but has others: use --link-remap",
                 file.who());
  const auto [it, is_new] = link_ids_.try_emplace({file.st.st_dev, file.st.st_ino}, 0);
  if (is_new) {
    it->second = next_id_();
    links_.push_back({it->second, duplicate(file), file.st,
                      fmt::format("{}link_remap.{}", where, it->second), file.who()});
  }
  remaps_.push_back({file_id, it->second, REMAP_TYPE__LINKED});
}

// Where no link beside its old name would help.
void PathRemaps::refuse_unlinkable(const OpenFile& file, const std::string& path,
                                   const std::string& where) {
  struct stat st {};
  if (S_ISDIR(file.st.st_mode))
    fail("{}: {}: not supported yet", file.who(),
         lstat(path.c_str(), &st) == 0 ? "another directory has its name now"
                                       : "the directory is no longer found by that name");
  if (stat(where.c_str(), &st) < 0)
    fail("{}: the directory that it was opened in is not to be found any more: not supported yet",
         file.who());
  // An overlay may give its files and its directories different numbers.
  if (st.st_dev != file.st.st_dev && type_of_file_system(file) != OVERLAYFS_SUPER_MAGIC)
    fail(
        "{}: another file system is mounted where it was opened: not supported yet; --external {} "
        "lets a restore be given another",
        file.who(), file.external_key());
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
  if (S_ISLNK(ghost.st.st_mode)) e->symlnk_target = arena.text(ghost.target);

  image::Writer img(dir_, image::Kind::kGhostFile, ghost.ghost_id);
  img.write(e);
  if (sparse) {
    for (const auto& [offset, length] : data_runs(ghost.fd.get(), size, options_.ghost_fiemap)) {
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

// A link of that name may be there, of other images.
bool PathRemaps::make_link(Link& link) {
  const std::string file = self_fd(link.fd.get()), name = link.path;
  for (int i = 1;
       linkat(AT_FDCWD, file.c_str(), AT_FDCWD, link.path.c_str(), AT_SYMLINK_FOLLOW) < 0; i++) {
    if (errno == ENOENT) return false;
    if (errno != EEXIST || i > kMaxLinkNames)
      fail_errno("cannot make the temporary link {}", link.path);
    link.path = fmt::format("{}.{}", name, i);
  }
  links_made_.push_back(link.path);
  return true;
}

// An overlay shows the links of a file of a lower layer that is gone from it for good: only the
// attempt to make another tells.
void PathRemaps::turn_into_ghost(Link& link) {
  check_size(link.st, link.who);
  Ghost ghost;
  ghost.ghost_id = static_cast<uint32_t>(ghost_ids_.size() + 1);
  ghost_ids_[{link.st.st_dev, link.st.st_ino}] = ghost.ghost_id;
  ghost.st = link.st;
  ghost.who = link.who;
  ghost.fd = std::move(link.fd);
  if (S_ISLNK(link.st.st_mode)) ghost.target = target_of(ghost.fd.get(), link.who);
  open_contents(ghost);
  for (Remap& remap : remaps_)
    if (remap.type == REMAP_TYPE__LINKED && remap.remap_id == link.file_id)
      remap.type = REMAP_TYPE__GHOST, remap.remap_id = ghost.ghost_id;
  ghosts_.push_back(std::move(ghost));
}

void PathRemaps::write_link(image::Arena& arena, const Link& link, image::Writer& files_img) {
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

void PathRemaps::write_ghosts(image::Arena& arena) const {
  for (const Ghost& ghost : ghosts_) write_ghost(arena, ghost);
}

void PathRemaps::write(image::Arena& arena, image::Writer& files_img) {
  for (Link& link : links_) {
    if (make_link(link)) {
      write_link(arena, link, files_img);
    } else {
      turn_into_ghost(link);
      write_ghost(arena, ghosts_.back());
    }
  }
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
