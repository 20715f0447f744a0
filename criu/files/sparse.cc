// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/sparse.h"

#include <linux/fiemap.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <optional>
#include <utility>

#include "criu/base/error.h"

namespace criu::files {

namespace {

constexpr unsigned kExtents = 256;  // asked for at a time

std::vector<DataRun> by_seeking(int fd, uint64_t size) {
  std::vector<DataRun> runs;
  for (off_t at = 0; static_cast<uint64_t>(at) < size;) {
    const off_t data = lseek(fd, at, SEEK_DATA);
    if (data < 0 && errno != ENXIO) fail_errno("cannot find the data of an unlinked file");
    if (data < 0) break;
    const off_t hole = lseek(fd, data, SEEK_HOLE);
    if (hole < 0) fail_errno("cannot find the holes of an unlinked file");
    runs.push_back({static_cast<uint64_t>(data), static_cast<uint64_t>(hole - data)});
    at = hole;
  }
  return runs;
}

void append(std::vector<DataRun>& runs, uint64_t offset, uint64_t end) {
  if (!runs.empty() && runs.back().offset + runs.back().length == offset)
    runs.back().length = end - runs.back().offset;
  else if (offset < end)
    runs.push_back({offset, end - offset});
}

// Nothing where the file system does not tell.
std::optional<std::vector<DataRun>> by_extents(int fd, uint64_t size) {
  std::vector<uint64_t> room((sizeof(fiemap) + kExtents * sizeof(fiemap_extent)) / 8 + 1);
  auto* map = reinterpret_cast<fiemap*>(room.data());
  std::vector<DataRun> runs;
  for (uint64_t at = 0; at < size;) {
    *map = fiemap{};
    map->fm_start = at;
    map->fm_length = size - at;
    map->fm_flags = FIEMAP_FLAG_SYNC;
    map->fm_extent_count = kExtents;
    if (ioctl(fd, FS_IOC_FIEMAP, map) < 0) return std::nullopt;
    if (map->fm_mapped_extents == 0) break;
    for (unsigned i = 0; i < map->fm_mapped_extents; i++) {
      const fiemap_extent& e = map->fm_extents[i];
      const uint64_t start = e.fe_logical, end = start + e.fe_length;
      if ((e.fe_flags & FIEMAP_EXTENT_UNWRITTEN) == 0)
        append(runs, std::max(at, start), std::min(end, size));
      at = std::max(at, end);
      if ((e.fe_flags & FIEMAP_EXTENT_LAST) != 0) return runs;
    }
  }
  return runs;
}

}  // namespace

std::vector<DataRun> data_runs(int fd, uint64_t size, bool by_fiemap) {
  if (by_fiemap)
    if (auto runs = by_extents(fd, size)) return std::move(*runs);
  return by_seeking(fd, size);
}

}  // namespace criu::files
