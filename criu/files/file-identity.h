// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "criu/image/image-file.h"

namespace criu::files {

// Whether a program or library is the one that a task was dumped with: by its build id (an ELF
// note, ld(1) --build-id), or where it has none by the contents of what was mapped of it.

// Offset and length, in bytes.
using FileParts = std::set<std::pair<uint64_t, uint64_t>>;

// The build id of the ELF file behind fd; empty where it has none, or is no ELF file.
std::vector<uint8_t> read_build_id(int fd);

// Dump: stores what tells the file behind fd from others. parts: what is mapped of it.
void store_identity(image::Arena& arena, RegFileEntry& reg, int fd, const FileParts& parts);
// Restore: throws Error where the file that is there now is another one. Looks at it only if the
// entry has something to compare it with.
void check_identity(const RegFileEntry& reg, const std::string& path);

}  // namespace criu::files
