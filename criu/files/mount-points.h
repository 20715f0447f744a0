// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace criu::files {

// A path of /proc/self/mountinfo, where what would be taken for a separator is in octal: proc(5).
std::string unescape(std::string_view text);

// Where this process sees a file system mounted, and where a mount is, /proc/self/mountinfo; not
// where another one is mounted over it.
// device: as in FileHandle.
std::vector<std::string> mount_points(uint32_t device);
std::optional<std::string> mount_point_of(uint64_t mount_id);

}  // namespace criu::files
