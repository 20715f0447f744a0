// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace criu::files {

// Where this process sees a file system mounted, and where a mount is, /proc/self/mountinfo.
// device: as in FileHandle.
std::vector<std::string> mount_points(uint32_t device);
std::optional<std::string> mount_point_of(uint64_t mount_id);

}  // namespace criu::files
