// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/stat.h>
#include <sys/un.h>

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "criu/base/fd.h"
#include "criu/image/message.h"
#include "criu/net/unix-diag.h"

namespace criu::net {

// The name of a UNIX socket as in sun_path: a path with its zero byte, or, behind a zero byte, an
// abstract one; or none.
bool is_path_name(const std::string& name);
// A path without ".", ".." and double slashes, and without the first one; symbolic links are not
// followed.
std::string plain_path(const std::string& path);
// For messages: an abstract one begins with '@'.
std::string readable_name(const std::string& name);

// size: bytes. Throws Error where the name is too long.
sockaddr_un unix_address(const std::string& name, socklen_t& size);

// Gives sockets the names that they had.
//
// A socket whose name is a path is bound to it below an empty directory, beside where its file is
// to be (chroot(2), in a helper): so it has its name to the letter, and nothing that is there now
// is touched until all tasks are ready. Then the files are put into their places; if the restore
// fails after that, they go, and what was there is made anew. keep() says that it has not.
class UnixNames {
 public:
  // Both as in files::RestoreContext.
  UnixNames(std::function<void(const std::string&)> note_directory,
            std::map<std::string, std::string>& placed_last)
      : note_directory_(std::move(note_directory)), placed_last_(placed_last) {}
  ~UnixNames();
  UnixNames(const UnixNames&) = delete;
  UnixNames& operator=(const UnixNames&) = delete;

  // final: where its file will be; empty: nowhere, its file has been removed. Throws Error where it
  // cannot be.
  void bind(int fd, const std::string& name, const std::string& final, const FilePermsEntry* perms);

  // The address by which a socket that was bound here is reached until place_files(). Valid as long
  // as the object.
  sockaddr_un address(int fd, socklen_t& size) const;

  // Whether a socket of that type could be bound to an abstract name.
  static bool is_free(const std::string& name, int type);

  void place_files();
  void keep() { kept_ = true; }

 private:
  struct File {
    std::string directory;  // made for it
    std::string temporary, final;
    UniqueFd short_way;  // to the directory, where its path is too long for an address
    bool placed = false;
    std::optional<struct stat> replaced;  // what lay in its place
  };

  std::string make_temporary(const std::string& beside, const std::string& name) const;
  void bind_path(int fd, const std::string& name, File& file);
  static void remove_temporary(const File& file);
  static void put_back(const std::string& path, const struct stat& old);
  static void place(File& file);
  void check_final(const std::string& final, const std::string& name);
  static void give_perms(const File& file, const FilePermsEntry* perms);

  std::function<void(const std::string&)> note_directory_;
  std::map<std::string, std::string>& placed_last_;
  std::list<File> files_;
  std::map<int, File*> of_;  // by descriptor
  std::map<int, std::string> abstract_;
  std::optional<std::map<uint32_t, UnixDiag>> alive_;  // read when it is needed
  bool kept_ = false;
};

}  // namespace criu::net
