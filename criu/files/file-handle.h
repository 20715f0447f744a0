// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "criu/base/fd.h"
#include "criu/image/image-file.h"

namespace criu::files {

// A file that is known by its inode, and by what its file system calls it: open_by_handle_at(2).
struct FileHandle {
  uint32_t device = 0;  // of its file system, as the kernel has it within itself
  uint64_t inode = 0;
  uint32_t type = 0;
  std::vector<uint8_t> bytes;  // none where the file system has no such names
};

// st_dev for what the kernel has within itself: MINORBITS, linux/kdev_t.h.
dev_t user_dev(uint64_t kernel_dev);

// A descriptor (O_PATH) of the file, by any mount of its file system that this process sees; none
// where it cannot be found so.
UniqueFd open_handle(const FileHandle& handle);

FhEntry* handle_entry(image::Arena& arena, const FileHandle& handle, const std::string& path);
// Throws Error for one that is damaged.
FileHandle handle_of(const FhEntry& entry);

}  // namespace criu::files
