// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/directory-listing.h"

#include <fcntl.h>

#include <cerrno>
#include <utility>

#include "criu/base/error.h"

namespace criu {

DirectoryListing::DirectoryListing(const std::string& path)
    : DirectoryListing(open_path(path, O_RDONLY | O_DIRECTORY), path) {}

DirectoryListing::DirectoryListing(UniqueFd fd, std::string path)
    : path_(std::move(path)), dir_(fdopendir(fd.get()), closedir) {
  if (dir_ == nullptr) fail_errno("cannot list {}", path_);
  fd.release();
}

const char* DirectoryListing::next() {
  for (;;) {
    errno = 0;  // readdir(3): that alone tells an error from the end
    const dirent* e = readdir(dir_.get());
    if (e == nullptr && errno != 0) fail_errno("cannot list {}", path_);
    if (e == nullptr) return nullptr;
    if (e->d_name[0] != '.') return e->d_name;
  }
}

}  // namespace criu
