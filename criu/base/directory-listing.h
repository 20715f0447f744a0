// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <dirent.h>

#include <memory>
#include <string>

#include "criu/base/fd.h"

namespace criu {

// A directory that is being read, by one thread at a time.
class DirectoryListing {
 public:
  // Throws Error with the path, NotThere where there is none.
  explicit DirectoryListing(const std::string& path);
  // One that is open already; the path is for messages.
  DirectoryListing(UniqueFd fd, std::string path);

  int fd() const { return dirfd(dir_.get()); }
  // The next name in it that does not begin with a dot; null behind the last. It is valid until the
  // next call. Throws Error where the kernel does not go on: what follows is not known then.
  const char* next();

 private:
  std::string path_;
  std::unique_ptr<DIR, int (*)(DIR*)> dir_;
};

}  // namespace criu
