// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/file-handle.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "criu/base/error.h"
#include "criu/base/proc.h"

namespace criu::files {

namespace {

// A path of /proc/self/mountinfo, where what would be taken for a separator is in octal: proc(5).
std::string unescape(std::string_view text) {
  std::string plain;
  for (size_t i = 0; i < text.size(); i++) {
    if (text[i] == '\\' && i + 3 < text.size()) {
      plain += static_cast<char>(proc::to_u64(text.substr(i + 1, 3), 8));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

// The mount points of a file system: "36 35 98:0 /root /point ...".
std::vector<std::string> mount_points(uint32_t device) {
  const dev_t dev = user_dev(device);
  const std::string wanted = fmt::format("{}:{}", major(dev), minor(dev));
  std::vector<std::string> points;
  proc::each_line(read_file("/proc/self/mountinfo"), [&](std::string_view line) {
    std::array<std::string_view, 5> words;
    for (std::string_view& word : words) {
      word = line.substr(0, line.find(' '));
      line.remove_prefix(std::min(word.size() + 1, line.size()));
    }
    if (words[2] == wanted) points.push_back(unescape(words[4]));
  });
  return points;
}

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
