// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/unix-names.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/base/log.h"

namespace criu::net {

namespace {

// The components of a path, as it is walked from an empty root: those that lead there, and the
// last.
std::vector<std::string> walk(const std::string& path) {
  std::vector<std::string> parts;
  for (size_t at = 0; at <= path.size();) {
    const size_t end = std::min(path.find('/', at), path.size());
    const std::string part = path.substr(at, end - at);
    if (part == "..") {
      if (!parts.empty()) parts.pop_back();
    } else if (!part.empty() && part != ".") {
      parts.push_back(part);
    }
    at = end + 1;
  }
  return parts;
}

// The directories that the path goes through, made below top, in that order. Also those that it
// leaves by "..": all have to be there.
std::vector<std::string> make_directories(const std::string& top, const std::string& path) {
  std::vector<std::string> made;
  for (size_t at = path.find('/'); at != std::string::npos; at = path.find('/', at + 1)) {
    std::string below = top;
    for (const std::string& part : walk(path.substr(0, at))) below += "/" + part;
    if (below == top || mkdir(below.c_str(), 0700) == 0) {
      if (below != top) made.push_back(below);
    } else if (errno != EEXIST) {
      fail_errno("cannot make the directory {}", below);
    }
  }
  return made;
}

std::string directory_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == 0 ? "/" : path.substr(0, slash);
}

// As the kernel tells of an open file.
std::string without_links(const std::string& path) {
  const std::string directory = directory_of(path);
  const std::unique_ptr<char, decltype(&free)> real(realpath(directory.c_str(), nullptr), free);
  if (!real) fail_errno("cannot find the directory {}", directory);
  const std::string found = real.get();
  return (found == "/" ? "" : found) + path.substr(path.rfind('/'));
}

// Sockets of the dumped tree that were under way in queues of each other are there until the kernel
// looks for such ones, which it does when a UNIX socket is closed: net/unix/garbage.c. Returns what
// is_done says in the end.
bool once_collected(const std::function<bool()>& is_done) {
  constexpr int kTries = 50;
  constexpr timespec kPause{0, 10'000'000};
  for (int i = 0; i < kTries; i++) {
    if (is_done()) return true;
    UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)).reset();
    nanosleep(&kPause, nullptr);
  }
  return false;
}

// As the kernel writes it: MKDEV(), linux/kdev_t.h.
uint32_t kernel_device(dev_t device) {
  constexpr int kMinorBits = 20;
  return major(device) << kMinorBits | minor(device);
}

// Nobody else's, nor one that is there: 64 bits of chance.
std::string temporary_name() {
  uint64_t number = 0;
  if (getrandom(&number, sizeof number, 0) != sizeof number) fail_errno("getrandom");
  return fmt::format(".criu-socket.{:016x}", number);
}

}  // namespace

bool is_path_name(const std::string& name) {
  return !name.empty() && name[0] != '\0';
}

std::string plain_path(const std::string& path) {
  std::string plain;
  for (const std::string& part : walk(path)) plain += (plain.empty() ? "" : "/") + part;
  return plain;
}

std::string readable_name(const std::string& name) {
  if (name.empty()) return "without a name";
  std::string text = is_path_name(name) ? name.substr(0, name.find('\0')) : "@" + name.substr(1);
  std::ranges::replace(text, '\0', '@');
  return text;
}

// A path may fill the address, without a zero byte, which the kernel has behind it: unix_mkname(),
// net/unix/af_unix.c.
sockaddr_un unix_address(const std::string& name, socklen_t& size) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  size_t length = name.size();
  if (length == sizeof address.sun_path + 1 && is_path_name(name) && name.back() == '\0') length--;
  if (length > sizeof address.sun_path) fail("{} is too long for a socket", readable_name(name));
  memcpy(address.sun_path, name.data(), length);
  size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + length);
  return address;
}

UnixNames::~UnixNames() {
  for (const File& file : files_) {
    if (!kept_ && file.placed) unlink(file.final.c_str());
    if (!kept_ && file.replaced) put_back(file.final, *file.replaced);
    remove_temporary(file);
  }
}

void UnixNames::remove_temporary(const File& file) {
  unlink(file.temporary.c_str());
  rmdir(file.directory.c_str());
}

// One that nobody answers at is as good as another.
void UnixNames::put_back(const std::string& path, const struct stat& old) {
  if (mknod(path.c_str(), S_IFSOCK | 0600, 0) < 0 ||
      chown(path.c_str(), old.st_uid, old.st_gid) < 0 ||
      chmod(path.c_str(), old.st_mode & 07777) < 0)
    log::warn("Cannot put the socket {} back: {}", path, strerror(errno));
}

// What lies where the file is to be may be one that nobody answers at any more: the socket's own.
void UnixNames::check_final(const std::string& final, const std::string& name) {
  struct stat st {};
  if (lstat(final.c_str(), &st) < 0) return;
  if (!S_ISSOCK(st.st_mode)) fail("{} is no socket any more", final);
  const auto is_it = [&](const auto& alive) {
    const UnixDiag& socket = alive.second;
    if (!socket.file || socket.file->first != static_cast<uint32_t>(st.st_ino) || !socket.name)
      return false;
    // It may have got this name by rename(2). Some file systems tell of another device than they
    // are (btrfs, overlay): there one of the same name is it.
    return socket.file->second == kernel_device(st.st_dev) ||
           walk(*socket.name).back() == walk(name).back();
  };
  const bool is_free = once_collected([&] {
    if (!alive_ || std::ranges::any_of(*alive_, is_it)) alive_ = read_unix_sockets();
    return std::ranges::none_of(*alive_, is_it);
  });
  if (!is_free) fail("{} is the socket of another process now", final);
}

std::string UnixNames::make_temporary(const std::string& beside, const std::string& name) const {
  std::vector<std::string> places;
  if (!beside.empty()) places.push_back(directory_of(beside));
  if (beside.empty()) places.insert(places.end(), {"/tmp", "/run", "/dev/shm", "/"});
  for (const std::string& place : places) {
    std::string path = (place == "/" ? "" : place) + "/" + temporary_name();
    note_directory_(path);
    if (mkdir(path.c_str(), 0700) == 0) return path;
  }
  fail_errno("cannot make the socket {} in {}", readable_name(name), places.back());
}

void UnixNames::bind_path(int fd, const std::string& name, File& file) {
  const std::string path = name.substr(0, name.find('\0'));
  const std::vector<std::string> parts = walk(path);
  if (parts.empty()) fail("{} is no name for a socket", path);
  file.directory = make_temporary(file.final, name);
  const std::vector<std::string> made = make_directories(file.directory, path);
  socklen_t size = 0;
  const sockaddr_un address = unix_address(name, size);
  const int error = run_in_child([&] {
    if (chroot(file.directory.c_str()) < 0 || chdir("/") < 0) return errno;
    return ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) < 0 ? errno : 0;
  });
  errno = error;
  if (error != 0) fail_errno("cannot bind the socket {}", path);
  std::string bound = file.directory;
  for (const std::string& part : parts) bound += "/" + part;
  file.temporary = file.directory + "/s";
  // A name of its own kind may be in the way: "s/t".
  const std::string spare = file.directory + "/.s";
  if (rename(bound.c_str(), spare.c_str()) < 0) fail_errno("cannot rename {}", bound);
  std::for_each(made.rbegin(), made.rend(), [](const std::string& d) { rmdir(d.c_str()); });
  if (rename(spare.c_str(), file.temporary.c_str()) < 0) fail_errno("cannot rename {}", spare);
}

void UnixNames::give_perms(const File& file, const FilePermsEntry* perms) {
  if (perms == nullptr) return;
  if (chown(file.temporary.c_str(), perms->uid, perms->gid) < 0 ||
      chmod(file.temporary.c_str(), perms->mode & 07777) < 0)
    fail_errno("cannot give the socket {} to its owner {}:{}", file.final, perms->uid, perms->gid);
}

void UnixNames::bind(int fd, const std::string& name, const std::string& final,
                     const FilePermsEntry* perms) {
  // The number may have been that of a socket that is closed by now.
  of_.erase(fd), abstract_.erase(fd);
  if (is_path_name(name)) {
    if (!final.empty()) check_final(final, name);
    File& file = files_.emplace_back();
    file.final = final;
    of_[fd] = &file;
    bind_path(fd, name, file);
    give_perms(file, perms);
    if (!final.empty()) placed_last_[without_links(final)] = file.temporary;
    return;
  }
  socklen_t size = 0;
  const sockaddr_un address = unix_address(name, size);
  int error = 0;
  once_collected([&] {
    error = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) < 0 ? errno : 0;
    return error != EADDRINUSE;
  });
  errno = error;
  if (error != 0) fail_errno("cannot bind the socket {}", readable_name(name));
  abstract_[fd] = name;
}

bool UnixNames::is_free(const std::string& name, int type) {
  const UniqueFd fd(socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  socklen_t size = 0;
  const sockaddr_un address = unix_address(name, size);
  return fd && ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), size) == 0;
}

sockaddr_un UnixNames::address(int fd, socklen_t& size) const {
  if (const auto it = abstract_.find(fd); it != abstract_.end())
    return unix_address(it->second, size);
  const auto it = of_.find(fd);
  if (it == of_.end()) fail("a socket is to be reached that has no name");
  const std::string& path = it->second->temporary;
  if (path.size() < sizeof(sockaddr_un::sun_path)) return unix_address(path + '\0', size);
  it->second->short_way = open_path(it->second->directory, O_PATH | O_DIRECTORY);
  return unix_address(self_fd(it->second->short_way.get()) + "/s" + '\0', size);
}

void UnixNames::place_files() {
  for (File& file : files_) {
    if (!file.final.empty()) place(file);
    remove_temporary(file);
  }
}

void UnixNames::place(File& file) {
  const char* from = file.temporary.c_str();
  const char* to = file.final.c_str();
  struct stat old {};
  if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
    file.placed = true;
  } else if (errno == EEXIST && renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) == 0) {
    file.placed = true;
    if (lstat(from, &old) == 0) file.replaced = old;
  } else {
    fail_errno("cannot put the socket {} in its place", file.final);
  }
}

}  // namespace criu::net
