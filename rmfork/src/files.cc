// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/src/files.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>

#include "rmfork/error.h"
#include "rmfork/src/format.h"

namespace rmfork {
namespace {

// A file that is unlinked again unless it gets its name.
class Draft {
 public:
  Draft(int dirfd, std::string name) : dirfd_(dirfd), name_(std::move(name)) {}
  ~Draft() {
    if (!name_.empty()) unlinkat(dirfd_, name_.c_str(), 0);
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  const char* name() const { return name_.c_str(); }
  void rename_to(const std::string& name) {
    if (renameat(dirfd_, name_.c_str(), dirfd_, name.c_str()) < 0)
      throw Error("writing " + name, errno);
    name_.clear();
  }

 private:
  int dirfd_;
  std::string name_;
};

void write_all(int fd, std::span<const std::uint8_t> bytes, const std::string& name) {
  while (!bytes.empty()) {
    ssize_t n = write(fd, bytes.data(), bytes.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error("writing " + name, errno);
    bytes = bytes.subspan(static_cast<std::size_t>(n));
  }
}

}  // namespace

void write_whole_file(int dirfd, const std::string& name, std::span<const std::uint8_t> bytes) {
  std::string draft_name = rmfork::format(".{}.{}.tmp", name, getpid());
  unlinkat(dirfd, draft_name.c_str(), 0);  // of a process of this pid that died here
  Fd fd(openat(dirfd, draft_name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) throw Error(rmfork::format("creating {}", name), errno);
  Draft draft(dirfd, draft_name);
  write_all(fd.get(), bytes, name);
  draft.rename_to(name);
}

std::optional<std::vector<std::uint8_t>> read_whole_file(int dirfd, const std::string& name,
                                                         std::size_t most) {
  // Not to hang on a fifo somebody put there.
  Fd fd(openat(dirfd, name.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!fd && errno == ENOENT) return std::nullopt;
  if (!fd) throw Error("opening " + name, errno);
  struct stat st;
  if (fstat(fd.get(), &st) < 0) throw Error("reading " + name, errno);
  if (!S_ISREG(st.st_mode)) throw Error(name + " is not a regular file");

  std::vector<std::uint8_t> bytes(most + 1);
  std::size_t got = 0;
  while (got < bytes.size()) {
    ssize_t n = read(fd.get(), bytes.data() + got, bytes.size() - got);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) throw Error("reading " + name, errno);
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  if (got > most) throw Error(rmfork::format("{} is too long: more than {} bytes", name, most));
  bytes.resize(got);
  return bytes;
}

}  // namespace rmfork
