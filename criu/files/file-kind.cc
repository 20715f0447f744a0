// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-kind.h"

#include <fcntl.h>

#include "criu/base/error.h"
#include "criu/base/proc.h"

namespace criu::files {

namespace {

std::vector<std::function<std::unique_ptr<FileKind>()>>& makers() {
  static std::vector<std::function<std::unique_ptr<FileKind>()>> list;
  return list;
}

}  // namespace

std::string OpenFile::path() const {
  return fd < 0 ? fmt::format("/proc/{}/{}", pid, place) : fmt::format("/proc/{}/fd/{}", pid, fd);
}

std::string OpenFile::who() const {
  if (fd < 0) return fmt::format("task {}, {}", pid, link);
  if (!within.empty()) return fmt::format("{}, a descriptor under way in it ({})", within, link);
  return fmt::format("task {}, fd {} ({})", pid, fd, link);
}

std::string OpenFile::external_key() const {
  uint64_t mount = 0;
  proc::each_line(fdinfo, [&](std::string_view line) {
    constexpr std::string_view kKey = "mnt_id:\t";
    if (line.starts_with(kKey)) mount = proc::to_u64(line.substr(kKey.size()));
  });
  return fmt::format("file[{:x}:{:x}]", mount, st.st_ino);
}

KindRegistration::KindRegistration(std::function<std::unique_ptr<FileKind>()> make) {
  makers().push_back(std::move(make));
}

std::vector<std::unique_ptr<FileKind>> make_kinds() {
  std::vector<std::unique_ptr<FileKind>> kinds;
  for (const auto& make : makers()) kinds.push_back(make());
  return kinds;
}

void set_status_flags(int fd, uint32_t flags, const std::string& what) {
  const int wanted = static_cast<int>(flags) & ~(O_ACCMODE | O_ASYNC | O_CLOEXEC);
  if (fcntl(fd, F_SETFL, wanted) < 0) fail_errno("cannot set the flags of {}", what);
}

}  // namespace criu::files
