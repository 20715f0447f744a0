// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/restored-remaps.h"

#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cstring>

#include <algorithm>
#include <set>

#include "criu/base/error.h"
#include "criu/base/log.h"

namespace criu::files {

namespace {

bool is_directory(const std::string& path) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

bool is_there(const std::string& path) {
  struct stat st {};
  return lstat(path.c_str(), &st) == 0;
}

// Where the file of a path is made that is to have it for a moment. Directories that are missing
// are there as long as this object is. Another file may have the name of one by now: then the
// directory that this is in does, as the name shows in /proc alone. A mount may be read-only, with
// the file's name removed by way of another one: files are made in a mount of our own then, and
// seen by their path.
class GhostPlace {
 public:
  explicit GhostPlace(const std::string& path) {
    if (!path.starts_with('/')) fail("{}: an unlinked file has no absolute path", path);
    const size_t end = path.rfind('/');
    size_t at = end;
    while (at != 0 && !is_directory(path.substr(0, at))) at = path.rfind('/', at - 1);
    there_ = path.substr(0, at);
    make_writable();
    const bool in_the_way = at != end && is_there(path.substr(0, path.find('/', at + 1)));
    path_ = there_ + path.substr(in_the_way ? end : at);
    if (in_the_way) return;
    for (at = path.find('/', at + 1); at != std::string::npos; at = path.find('/', at + 1)) {
      const std::string dir = to_make(path.substr(0, at));
      if (mkdir(dir.c_str(), 0700) == 0)
        made_.push_back(dir);
      else if (errno != EEXIST)
        fail_errno("cannot make {} for an unlinked file", path.substr(0, at));
    }
  }
  ~GhostPlace() {
    std::for_each(made_.rbegin(), made_.rend(), [](const std::string& d) { rmdir(d.c_str()); });
  }
  GhostPlace(const GhostPlace&) = delete;
  GhostPlace& operator=(const GhostPlace&) = delete;

  const std::string& path() const { return path_; }
  bool is_read_only() const { return bool{mount_}; }
  // By what a path of this directory is made and removed.
  std::string to_make(const std::string& path) const {
    return mount_ ? self_fd(mount_.get()) + path.substr(there_.size()) : path;
  }

 private:
  // Of the same directory: mount_setattr(2).
  void make_writable() {
    const char* directory = there_.empty() ? "/" : there_.c_str();
    struct statvfs fs {};
    if (statvfs(directory, &fs) < 0) fail_errno("cannot examine the file system of {}", directory);
    if ((fs.f_flag & ST_RDONLY) == 0) return;
    mount_attr writable{};
    writable.attr_clr = MOUNT_ATTR_RDONLY;
    mount_.reset(open_tree(AT_FDCWD, directory, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC));
    if (!mount_ || mount_setattr(mount_.get(), "", AT_EMPTY_PATH, &writable, sizeof writable) < 0)
      fail_errno("cannot make an unlinked file in {}, which is read-only", directory);
  }

  std::string there_, path_;
  UniqueFd mount_;
  std::vector<std::string> made_;
};

// The kernel shows a file that never had a name by its inode's number: fs/dcache.c,
// d_mark_tmpfile().
bool is_name_of_nameless(const std::string& path) {
  const std::string name = path.substr(path.rfind('/') + 1);
  return name.size() > 1 && name[0] == '#' &&
         name.find_first_not_of("0123456789", 1) == std::string::npos;
}

// Makes the inode under that name and opens it; nothing where the name is taken. Whoever may write
// to the directory can put something else there in between: to make a regular file is one call with
// opening it, and of what else there is nothing but that very inode is opened.
UniqueFd make_inode(const GhostFileEntry& ghost, const std::string& path) {
  if (S_ISREG(ghost.mode)) {
    UniqueFd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
                       S_IRUSR | S_IWUSR));
    if (!fd && errno != EEXIST) fail_errno("cannot make the unlinked file {}", path);
    return fd;
  }
  int rc = -1;
  if (S_ISDIR(ghost.mode)) {
    rc = mkdir(path.c_str(), 0700);
  } else if (S_ISLNK(ghost.mode)) {
    rc = symlink(ghost.symlnk_target == nullptr ? "" : ghost.symlnk_target, path.c_str());
  } else if (S_ISFIFO(ghost.mode) || S_ISCHR(ghost.mode) || S_ISBLK(ghost.mode)) {
    rc = mknod(path.c_str(), (ghost.mode & S_IFMT) | 0600, ghost.has_rdev ? ghost.rdev : 0);
  } else {
    fail("{}: an unlinked file of mode {:o} cannot be made", path, ghost.mode);
  }
  if (rc < 0 && errno == EEXIST) return {};
  if (rc < 0) fail_errno("cannot make the unlinked file {}", path);
  UniqueFd fd = open_path(path, O_PATH | O_NOFOLLOW);
  struct stat st {};
  if (fstat(fd.get(), &st) < 0 || (st.st_mode & S_IFMT) != (ghost.mode & S_IFMT))
    fail("{}: somebody has put another file in the place of the unlinked one", path);
  return fd;
}

// The same file by its path.
UniqueFd open_as_seen(int made, const std::string& path) {
  UniqueFd fd = open_path(path, O_PATH | O_NOFOLLOW);
  struct stat a {
  }, b{};
  if (fstat(made, &a) < 0 || fstat(fd.get(), &b) < 0 || a.st_dev != b.st_dev ||
      a.st_ino != b.st_ino)
    fail("{} is not the unlinked file that was made there", path);
  return fd;
}

// A name beside another one; of that as much as there is room for.
std::string name_beside(const std::string& path, int number) {
  const std::string more = fmt::format(".criu.{}.ghost", number);
  const size_t at = path.rfind('/') + 1;
  return path.substr(0, at) + path.substr(at, NAME_MAX - more.size()) + more;
}

// A file that is to get contents. A hugetlbfs takes none by write(2), but by a mapping
// (fs/hugetlbfs/inode.c).
class Contents {
 public:
  // from: the image, for messages.
  Contents(int fd, uint64_t size, const std::string& from) : fd_(fd), size_(size), from_(from) {
    struct statfs fs {};
    if (fstatfs(fd, &fs) < 0) fail_errno("cannot examine the file system of what {} holds", from);
    if (fs.f_type != HUGETLBFS_MAGIC || size == 0) return;
    void* p = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED)
      fail_errno("cannot map {} bytes of huge pages for what {} holds", size, from);
    mapped_ = static_cast<uint8_t*>(p);
  }
  ~Contents() {
    if (mapped_ != nullptr) munmap(mapped_, size_);
  }
  Contents(const Contents&) = delete;
  Contents& operator=(const Contents&) = delete;

  void write(const std::vector<uint8_t>& data, size_t bytes, uint64_t offset) const {
    if (mapped_ != nullptr) {
      if (offset > size_ || bytes > size_ - offset)
        fail("{}: what it holds goes beyond the end of the file", from_);
      std::memcpy(mapped_ + offset, data.data(), bytes);
    } else if (pwrite(fd_, data.data(), bytes, static_cast<off_t>(offset)) !=
               static_cast<ssize_t>(bytes)) {
      fail_errno("cannot write what {} holds", from_);
    }
  }

 private:
  int fd_;
  uint64_t size_;
  const std::string& from_;
  uint8_t* mapped_ = nullptr;
};

void fill(image::Reader& img, image::Arena& arena, const GhostFileEntry& ghost, int fd) {
  std::vector<uint8_t> piece(256 * 1024);
  const Contents contents(fd, ghost.has_size ? ghost.size : img.left(), img.name());
  const auto copy = [&](uint64_t offset, uint64_t length) {
    while (length != 0) {
      const size_t n = std::min<uint64_t>(length, piece.size());
      img.read_raw(piece.data(), n);
      contents.write(piece, n, offset);
      offset += n, length -= n;
    }
  };
  if (ghost.has_chunks && ghost.chunks) {
    while (const auto* chunk = img.next<GhostChunkEntry>(arena)) copy(chunk->off, chunk->len);
    if (ghost.has_size && ftruncate(fd, static_cast<off_t>(ghost.size)) < 0)
      fail_errno("cannot set the size of what {} holds", img.name());
  } else {
    if (ghost.has_size && img.left() != ghost.size)
      fail("{} is truncated: {} bytes of the unlinked file are there, {} are named", img.name(),
           img.left(), ghost.size);
    copy(0, img.left());
  }
}

void set_attributes(const GhostFileEntry& ghost, int fd, const std::string& path) {
  const std::string self = self_fd(fd);
  if (fchownat(fd, "", ghost.uid, ghost.gid, AT_EMPTY_PATH) < 0)
    fail_errno("cannot set the owner of the unlinked file {}", path);
  if (!S_ISLNK(ghost.mode) && chmod(self.c_str(), ghost.mode & 07777) < 0)
    fail_errno("cannot set the mode of the unlinked file {}", path);
  if (ghost.atim == nullptr || ghost.mtim == nullptr || S_ISLNK(ghost.mode)) return;
  const auto time = [](const Timeval& t) {
    return timespec{static_cast<time_t>(t.tv_sec), static_cast<long>(t.tv_usec) * 1000};
  };
  const timespec times[2] = {time(*ghost.atim), time(*ghost.mtim)};
  utimensat(AT_FDCWD, self.c_str(), times, 0);
}

}  // namespace

RestoredRemaps::RestoredRemaps(const image::Directory& dir, const ServiceFds& fds,
                               image::Arena& arena)
    : dir_(dir), fds_(fds), arena_(arena) {
  if (!dir.has(image::file_name(image::Kind::kRemapFpath))) return;
  image::Reader img(dir, image::Kind::kRemapFpath);
  while (const auto* e = img.next<RemapFilePathEntry>(arena)) remaps_[e->orig_id] = e;
}

void RestoredRemaps::note_file(const FileEntry& entry) {
  if (entry.reg != nullptr) reg_files_[entry.id] = entry.reg;
}

bool RestoredRemaps::is_ghost(uint32_t file_id) const {
  const auto it = remaps_.find(file_id);
  return it != remaps_.end() && it->second->remap_type == REMAP_TYPE__GHOST;
}

int RestoredRemaps::find_ghost(dev_t device, uint64_t inode) const {
  auto id = ghost_ids_.find({static_cast<uint32_t>(device), inode});
  if (id == ghost_ids_.end()) {
    const auto has_it = [&](const auto& known) { return known.first.second == inode; };
    if (std::ranges::count_if(ghost_ids_, has_it) == 1)
      id = std::ranges::find_if(ghost_ids_, has_it);
  }
  const auto ghost = id == ghost_ids_.end() ? ghosts_.end() : ghosts_.find(id->second);
  return ghost == ghosts_.end() ? -1 : ghost->second.get();
}

bool RestoredRemaps::are_remapped_alike(uint32_t one, uint32_t other) const {
  const auto a = remaps_.find(one), b = remaps_.find(other);
  if (a == remaps_.end() || b == remaps_.end()) return a == b;
  return a->second->remap_type == b->second->remap_type &&
         a->second->remap_id == b->second->remap_id;
}

std::string RestoredRemaps::resolve(uint32_t file_id, const std::string& path) {
  const auto it = remaps_.find(file_id);
  if (it == remaps_.end()) return path;
  const RemapFilePathEntry& remap = *it->second;
  if (remap.remap_type == REMAP_TYPE__GHOST)
    return self_fd(ghost_fd(remap.remap_id, file_id, path));
  if (remap.remap_type == REMAP_TYPE__PROCFS) {
    const auto pid = static_cast<pid_t>(remap.remap_id);
    const std::string directory = fmt::format("/proc/{}", pid);
    if (pid <= 0 || (path != directory && !path.starts_with(directory + "/")))
      fail("remap-fpath.img: {} is no file of process {}", path, pid);
    processes_.try_emplace(pid, pid);
    return path;
  }
  if (remap.remap_type != REMAP_TYPE__LINKED)
    fail("remap-fpath.img: {} has a remap of type {}", path, static_cast<int>(remap.remap_type));
  const auto link = reg_files_.find(remap.remap_id);
  if (link == reg_files_.end()) fail("{}: the images do not say where its link is", path);
  return link->second->name;
}

int RestoredRemaps::own_open(uint32_t file_id) const {
  const auto it = own_opens_.find(file_id);
  return it == own_opens_.end() ? -1 : it->second.get();
}

std::vector<uint32_t> RestoredRemaps::files_of(uint32_t ghost_id) const {
  std::vector<uint32_t> ids;
  for (const auto& [file_id, remap] : remaps_)
    if (remap->remap_type == REMAP_TYPE__GHOST && remap->remap_id == ghost_id)
      ids.push_back(file_id);
  return ids;
}

int RestoredRemaps::ghost_fd(uint32_t ghost_id, uint32_t file_id, const std::string& path) {
  if (const int own = own_open(file_id); own >= 0) return own;
  const auto known = ghosts_.find(ghost_id);
  if (known != ghosts_.end()) return known->second.get();
  image::Reader img(dir_, image::Kind::kGhostFile, ghost_id);
  const auto* ghost = img.must_next<GhostFileEntry>(arena_);
  UniqueFd seen, fd = make_nameless(ghost_id, *ghost, path);
  if (!fd) fd = make_named(ghost_id, *ghost, path, seen);
  if (S_ISREG(ghost->mode)) fill(img, arena_, *ghost, fd.get());
  set_attributes(*ghost, fd.get(), path);
  // A program that is open for writing could not be made a task's executable (ETXTBSY, PR_SET_MM).
  if (S_ISREG(ghost->mode) && !seen) seen = open_path(self_fd(fd.get()), O_PATH);
  if (seen) fd = std::move(seen);
  log::debug("Made ghost {} for {}", ghost_id, path);
  if (ghost->has_dev && ghost->has_ino) ghost_ids_[{ghost->dev, ghost->ino}] = ghost_id;
  const int any = ghosts_.emplace(ghost_id, fds_.raise(std::move(fd))).first->second.get();
  const int own = own_open(file_id);
  return own >= 0 ? own : any;
}

UniqueFd RestoredRemaps::make_named(uint32_t ghost_id, const GhostFileEntry& ghost,
                                    const std::string& path, UniqueFd& seen) {
  const GhostPlace place(path);
  std::string name = place.path();
  UniqueFd fd;
  for (int i = 0; !(fd = make_inode(ghost, place.to_make(name))); i++) {
    if (i == 1000) fail("{} is taken, and so are a thousand names beside it", place.path());
    name = name_beside(place.path(), i);
  }
  // No link of /proc leads to a symbolic link with O_NOFOLLOW: each open of it is made while it has
  // a name.
  if (S_ISLNK(ghost.mode))
    for (const uint32_t id : files_of(ghost_id))
      own_opens_[id] = fds_.raise(open_path(name, O_PATH | O_NOFOLLOW));
  if (place.is_read_only()) seen = open_as_seen(fd.get(), name);
  const std::string made = place.to_make(name);
  if ((S_ISDIR(ghost.mode) ? rmdir(made.c_str()) : unlink(made.c_str())) < 0)
    fail_errno("cannot unlink {} again, whose file had no name", name);
  return fd;
}

// The open that made it is one of those in the images; it may be given a name (linkat(2)). Nothing
// where there is no such open, or none can be had: such a file is as good as any unlinked one then.
UniqueFd RestoredRemaps::make_nameless(uint32_t ghost_id, const GhostFileEntry& ghost,
                                       const std::string& path) {
  if (!S_ISREG(ghost.mode) || !is_name_of_nameless(path)) return {};
  for (const uint32_t id : files_of(ghost_id)) {
    const auto file = reg_files_.find(id);
    if (file == reg_files_.end()) continue;
    const int flags = static_cast<int>(file->second->flags) & ~(O_CREAT | O_EXCL | O_TRUNC);
    if ((flags & O_TMPFILE) != O_TMPFILE) continue;
    const GhostPlace place(path);
    if (place.is_read_only()) return {};
    const std::string directory = place.path().substr(0, place.path().rfind('/') + 1);
    UniqueFd own(::open(directory.c_str(), flags | O_NOCTTY | O_CLOEXEC, 0600));
    if (!own) return {};
    UniqueFd fd = open_path(self_fd(own.get()), O_RDWR);
    own_opens_[id] = fds_.raise(std::move(own));
    return fd;
  }
  return {};
}

void RestoredRemaps::remove_links() {
  std::set<uint32_t> removed;  // several may have one
  for (const auto& [file_id, remap] : remaps_) {
    if (remap->remap_type != REMAP_TYPE__LINKED || !removed.insert(remap->remap_id).second)
      continue;
    const auto link = reg_files_.find(remap->remap_id);
    if (link != reg_files_.end() && unlink(link->second->name) < 0)
      log::warn("Cannot unlink {}, which the dump made (--link-remap): {}", link->second->name,
                strerror(errno));
  }
}

}  // namespace criu::files
