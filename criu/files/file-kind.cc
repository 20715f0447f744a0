// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-kind.h"

#include <fcntl.h>

#include "criu/base/error.h"

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
  struct statx info {};
  if (statx(own.get(), "", AT_EMPTY_PATH, STATX_MNT_ID, &info) < 0)
    fail_errno("cannot examine {}", who());
  return fmt::format("file[{:x}:{:x}]", info.stx_mnt_id, st.st_ino);
}

KindRegistration::KindRegistration(std::function<std::unique_ptr<FileKind>()> make) {
  makers().push_back(std::move(make));
}

std::vector<std::unique_ptr<FileKind>> make_kinds() {
  std::vector<std::unique_ptr<FileKind>> kinds;
  for (const auto& make : makers()) kinds.push_back(make());
  return kinds;
}

void FileKind::check_mapping(const FileEntry&, const MappedSocket& mapped) const {
  fail("{}: a mapping of such a socket is not supported yet", mapped.who);
}

void set_status_flags(int fd, uint32_t flags, const std::string& what) {
  const int wanted = static_cast<int>(flags) & ~(O_ACCMODE | O_ASYNC | O_CLOEXEC);
  if (fcntl(fd, F_SETFL, wanted) < 0) fail_errno("cannot set the flags of {}", what);
}

}  // namespace criu::files
