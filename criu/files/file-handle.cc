// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-handle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstring>

#include "criu/base/error.h"
#include "criu/files/mount-points.h"

namespace criu::files {

namespace {

// file_handle ends in an array without a size.
union Buffer {
  file_handle handle;
  char room[sizeof(file_handle) + MAX_HANDLE_SZ];
};

}  // namespace

dev_t user_dev(uint64_t kernel_dev) {
  constexpr unsigned kMinorBits = 20;
  return makedev(static_cast<unsigned>(kernel_dev >> kMinorBits),
                 static_cast<unsigned>(kernel_dev & ((1U << kMinorBits) - 1)));
}

UniqueFd open_handle(const FileHandle& handle) {
  if (handle.bytes.empty() || handle.bytes.size() > MAX_HANDLE_SZ) return {};
  Buffer buffer{};
  buffer.handle.handle_bytes = static_cast<unsigned>(handle.bytes.size());
  buffer.handle.handle_type = static_cast<int>(handle.type);
  std::memcpy(buffer.room + sizeof(file_handle), handle.bytes.data(), handle.bytes.size());
  for (const std::string& point : mount_points(handle.device)) {
    const UniqueFd mount(open(point.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
    if (!mount) continue;
    UniqueFd fd(open_by_handle_at(mount.get(), &buffer.handle, O_PATH | O_CLOEXEC));
    struct stat st {};
    if (fd && fstat(fd.get(), &st) == 0 && st.st_ino == handle.inode) return fd;
  }
  return {};
}

FhEntry* handle_entry(image::Arena& arena, const FileHandle& handle, const std::string& path) {
  constexpr size_t kLeast = 16;  // words that other readers want there to be
  auto* e = arena.make<FhEntry>();
  e->bytes = static_cast<uint32_t>(handle.bytes.size());
  e->type = handle.type;
  e->n_handle = std::max(kLeast, (handle.bytes.size() + 7) / 8);
  e->handle = arena.array<uint64_t>(e->n_handle);
  std::memcpy(e->handle, handle.bytes.data(), handle.bytes.size());
  if (!path.empty()) e->path = arena.text(path);
  return e;
}

FileHandle handle_of(const FhEntry& e) {
  if (e.bytes > MAX_HANDLE_SZ || e.bytes > e.n_handle * sizeof(uint64_t))
    fail("a file handle of {} bytes is impossible", e.bytes);
  FileHandle handle;
  handle.type = e.type;
  handle.bytes.resize(e.bytes);
  std::memcpy(handle.bytes.data(), e.handle, e.bytes);
  return handle;
}

}  // namespace criu::files
