// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-kind.h"

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
  return fmt::format("task {}, fd {} ({})", pid, fd, link);
}

KindRegistration::KindRegistration(std::function<std::unique_ptr<FileKind>()> make) {
  makers().push_back(std::move(make));
}

std::vector<std::unique_ptr<FileKind>> make_kinds() {
  std::vector<std::unique_ptr<FileKind>> kinds;
  for (const auto& make : makers()) kinds.push_back(make());
  return kinds;
}

}  // namespace criu::files
