// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "criu/files/file-kind.h"

namespace criu::files {

// What has no name in any file system: its kind shows in the link of a descriptor,
// "anon_inode:[eventfd]", its state in the lines of /proc/pid/fdinfo/N, proc(5).

bool is_anon_inode(const OpenFile& file, std::string_view name);

// The number behind "key:"; nothing where there is no such line.
std::optional<uint64_t> find_info(const OpenFile& file, std::string_view key, int base = 10);
// The same; throws Error naming the file and the line.
uint64_t must_find_info(const OpenFile& file, std::string_view key, int base = 10);
// The two numbers of a line of the form "key: (sec, nsec)".
std::pair<uint64_t, uint64_t> must_find_time(const OpenFile& file, std::string_view key);

}  // namespace criu::files
