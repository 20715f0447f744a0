// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/unix-names.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/base/log.h"

namespace criu::net {

namespace {

sockaddr_un address_of(const std::string& name, socklen_t& size) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (name.size() > sizeof address.sun_path)
    fail("{} is too long for a socket", readable_name(name));
  memcpy(address.sun_path, name.data(), name.size());
  size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
  return address;
}

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

std::string make_temporary(const std::string& beside, const std::string& name) {
  std::vector<std::string> places;
  if (!beside.empty()) places.push_back(directory_of(beside));
  if (beside.empty()) places.insert(places.end(), {"/tmp", "/run", "/"});
  for (const std::string& place : places) {
    std::string path = (place == "/" ? "" : place) + "/.criu-socket.XXXXXX";
    if (mkdtemp(path.data()) != nullptr) return path;
  }
  fail_errno("cannot make the socket {} in {}", readable_name(name), places.back());
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

UnixNames::~UnixNames() {
  for (File& file : files_) {
    if (!kept_ && file.exchanged)
      renameat2(AT_FDCWD, file.temporary.c_str(), AT_FDCWD, file.final.c_str(), RENAME_EXCHANGE);
    if (!kept_ && file.placed && !file.exchanged) unlink(file.final.c_str());
    unlink(file.temporary.c_str());
    rmdir(file.directory.c_str());
  }
}

// What lies where the file is to be may be one that nobody answers at any more: the socket's own.
void UnixNames::check_final(const std::string& final, const std::string& name) {
  struct stat st {};
  if (lstat(final.c_str(), &st) < 0) return;
  if (!S_ISSOCK(st.st_mode)) fail("{} is no socket any more", final);
  if (!alive_read_) alive_ = read_unix_sockets();
  alive_read_ = true;
  for (const auto& [inode, socket] : alive_)
    if (socket.file && socket.file->first == static_cast<uint32_t>(st.st_ino) && socket.name &&
        walk(*socket.name).back() == walk(name).back())
      fail("{} is the socket of another process now", final);
}

void UnixNames::bind_path(int fd, const std::string& name, File& file) {
  const std::string path = name.substr(0, name.find('\0'));
  const std::vector<std::string> parts = walk(path);
  if (parts.empty()) fail("{} is no name for a socket", path);
  file.directory = make_temporary(file.final, name);
  const std::vector<std::string> made = make_directories(file.directory, path);
  socklen_t size = 0;
  const sockaddr_un address = address_of(name, size);
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
  if (is_path_name(name)) {
    if (!final.empty()) check_final(final, name);
    File& file = files_.emplace_back();
    file.final = final;
    of_[fd] = &file;
    bind_path(fd, name, file);
    give_perms(file, perms);
    return;
  }
  socklen_t size = 0;
  const sockaddr_un address = address_of(name, size);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), size) < 0)
    fail_errno("cannot bind the socket {}", readable_name(name));
  abstract_[fd] = name;
}

sockaddr_un UnixNames::address(int fd, socklen_t& size) const {
  if (const auto it = abstract_.find(fd); it != abstract_.end())
    return address_of(it->second, size);
  const auto it = of_.find(fd);
  if (it == of_.end()) fail("a socket is to be reached that has no name");
  const std::string& path = it->second->temporary;
  if (path.size() < sizeof(sockaddr_un::sun_path)) return address_of(path + '\0', size);
  it->second->short_way = open_path(it->second->directory, O_PATH | O_DIRECTORY);
  return address_of(self_fd(it->second->short_way.get()) + "/s" + '\0', size);
}

void UnixNames::place_files() {
  for (File& file : files_) {
    if (file.final.empty()) continue;
    const char* from = file.temporary.c_str();
    const char* to = file.final.c_str();
    if (renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_NOREPLACE) == 0) {
      file.placed = true;
      continue;
    }
    if (errno != EEXIST || renameat2(AT_FDCWD, from, AT_FDCWD, to, RENAME_EXCHANGE) < 0)
      fail_errno("cannot put the socket {} in its place", file.final);
    file.placed = file.exchanged = true;
  }
}

}  // namespace criu::net
