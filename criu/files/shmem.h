// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "criu/files/sysv-segment.h"

namespace criu::files {

// The objects of shared anonymous memory that a tree has: by mappings (MAP_SHARED | MAP_ANONYMOUS,
// or of /dev/zero), and by descriptors (an open of /proc/pid/map_files/<range>) and what was mapped
// from these; and the segments of System V shared memory that are mapped. Each object once. mm/
// stores what they hold.
class ShmemObjects {
 public:
  struct Object {
    std::string path;  // leads to it: a link of /proc/pid/fd or /proc/pid/map_files
    struct stat st {};
  };

  // link: where the descriptor or the mapping points to. The kernel names all such objects alike
  // and keeps them in a file system of its own; a removed /dev/zero of another one is a file.
  static bool is_object(dev_t dev, const std::string& link);
  // Whether dev is that file system, which has memfds as well, as those of huge pages have.
  static bool is_own_tmpfs(dev_t dev);

  // Notes one and returns its id, which is the same for all that lead to it.
  uint64_t add(const struct stat& st, const std::string& path);
  // A mapping of a segment: its inode, where it points to, and its path in /proc. The id is the
  // segment's own. Throws Error where this IPC namespace has no such segment.
  uint64_t add_segment(ino_t inode, const std::string& link, const std::string& path);
  const std::map<uint64_t, Object>& all() const { return objects_; }
  const std::map<uint64_t, SysvSegment>& segments() const { return segments_; }

 private:
  std::map<uint64_t, Object> objects_;  // by id
  std::map<std::pair<dev_t, ino_t>, uint64_t> ids_;  // of those that are no segments
  std::map<uint64_t, SysvSegment> segments_;
};

}  // namespace criu::files
