// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/watched-file.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <vector>

#include "criu/base/error.h"
#include "criu/base/proc.h"
#include "criu/files/descriptor-table.h"
#include "criu/files/path-remap.h"
#include "criu/files/restored-remaps.h"

namespace criu::files {

namespace {

std::string_view word_behind(std::string_view line, std::string_view key) {
  const std::string wanted = fmt::format(" {}:", key);
  const size_t at = line.find(wanted);
  if (at == std::string_view::npos) return {};
  line.remove_prefix(at + wanted.size());
  return line.substr(0, line.find_first_of(" \n"));
}

bool is_it(const std::string& path, const FileHandle& handle) {
  struct stat st {};
  return stat(path.c_str(), &st) == 0 && st.st_ino == handle.inode &&
         st.st_dev == user_dev(handle.device);
}

// Whatever device the kernel tells of: btrfs has one for each subvolume, which only stat(2) shows.
bool is_open_as(const std::string& path, int fd) {
  struct stat st {};
  struct stat open {};
  return stat(path.c_str(), &st) == 0 && fstat(fd, &open) == 0 && st.st_ino == open.st_ino &&
         st.st_dev == open.st_dev;
}

std::vector<std::string> open_files(pid_t pid) {
  std::vector<std::string> links;
  const DescriptorTable table(pid);
  for (const int fd : table.numbers())
    if (std::string link = table.link(fd); link.starts_with('/')) links.push_back(std::move(link));
  return links;
}

// Where the task that watches has it, or what it is in.
std::string find_nearby(pid_t pid, const FileHandle& handle) {
  std::vector<std::string> places = open_files(pid);
  places.push_back(read_link(proc::path(pid, "cwd")));
  for (const std::string& place : places) {
    std::string path = place;
    while (path.starts_with('/')) {
      if (is_it(path, handle)) return path;
      if (path == "/") break;
      path.resize(std::max<size_t>(path.rfind('/'), 1));
    }
  }
  return {};
}

// Below a directory, on its file system. Links are not followed.
std::string find_below(const std::string& directory, const FileHandle& handle) {
  namespace fs = std::filesystem;
  if (is_it(directory, handle)) return directory;
  std::error_code error;
  struct stat top {};
  if (stat(directory.c_str(), &top) < 0) fail_errno("--irmap-scan-path {}", directory);
  auto it = fs::recursive_directory_iterator(directory,
                                             fs::directory_options::skip_permission_denied, error);
  for (; !error && it != fs::end(it); it.increment(error)) {
    struct stat st {};
    const std::string path = it->path();
    if (lstat(path.c_str(), &st) < 0) continue;
    if (st.st_dev == user_dev(handle.device) && st.st_ino == handle.inode) return path;
    if (st.st_dev != top.st_dev) it.disable_recursion_pending();
  }
  return {};
}

}  // namespace

uint64_t info_word(std::string_view line, std::string_view key) {
  return proc::to_u64(word_behind(line, key), 16);
}

FileHandle parse_handle(std::string_view line) {
  FileHandle handle;
  handle.inode = info_word(line, "ino");
  handle.device = static_cast<uint32_t>(info_word(line, "sdev"));
  handle.type = static_cast<uint32_t>(info_word(line, "fhandle-type"));
  const std::string_view hex = word_behind(line, "f_handle");
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    handle.bytes.push_back(static_cast<uint8_t>(proc::to_u64(hex.substr(i, 2), 16)));
  return handle;
}

std::string find_watched(const Options& options, const OpenFile& f, const FileHandle& handle,
                         const std::string& what) {
  std::string path;
  if (const UniqueFd fd = options.force_irmap ? UniqueFd() : open_handle(handle)) {
    path = read_link(self_fd(fd.get()));
    if (!is_open_as(path, fd.get())) path.clear();
    return path;
  }
  path = find_nearby(f.pid, handle);
  for (const std::string& directory : options.irmap_scan_paths)
    if (path.empty()) path = find_below(directory, handle);
  if (path.empty())
    fail(
        "{}: {} is of inode {} of the file system {:#x}, whose name cannot be found: not supported "
        "yet, unless --irmap-scan-path says where to look",
        f.who(), what, handle.inode, handle.device);
  return path;
}

UniqueFd open_watched(const RestoredRemaps& remaps, uint64_t inode, uint32_t device,
                      const FhEntry& entry, const std::string& what) {
  FileHandle handle = handle_of(entry);
  handle.inode = inode;
  handle.device = device;
  const char* path = entry.path;
  if (path != nullptr && is_it(path, handle)) return open_path(path, O_PATH);
  UniqueFd fd = open_handle(handle);
  // A UNIX socket has a file of its own again, in the place of the one that it had.
  struct stat st {};
  const bool is_replaced = fd && fstat(fd.get(), &st) == 0 && S_ISSOCK(st.st_mode) &&
                           path != nullptr && lstat(path, &st) == 0 && S_ISSOCK(st.st_mode);
  if (fd && !is_replaced) return fd;
  if (const int ghost = remaps.find_ghost(user_dev(device), inode); ghost >= 0)
    return open_path(self_fd(ghost), O_PATH);
  if (path == nullptr) fail("{}: what it is of (inode {}) is gone", what, inode);
  return open_path(path, O_PATH);
}

void RemovedWatched::note(const FileHandle& handle, const std::string& what) {
  const UniqueFd fd = open_handle(handle);
  struct stat st {};
  if (fd && fstat(fd.get(), &st) == 0 && st.st_nlink == 0)
    files_.push_back({st.st_dev, st.st_ino, what});
}

void RemovedWatched::check(const PathRemaps& remaps) const {
  for (const File& file : files_)
    if (!remaps.has_ghost(file.device, file.inode))
      fail(
          "{} is of a file that has been removed since (inode {}), and that no task of the tree "
          "has "
          "open: not supported yet",
          file.what, file.inode);
}

}  // namespace criu::files
