// SPDX-License-Identifier: GPL-2.0-only
//
// Small files in the images directory, written whole or not at all.
#ifndef RMFORK_SRC_FILES_H
#define RMFORK_SRC_FILES_H

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rmfork/fd.h"

namespace rmfork {

// Writes `name` below `dirfd`: under another name first, then renamed. Throws Error; then nothing
// new is left, and an older file of that name is as it was. Not synced, as the other images of a
// dump are not: the tasks would wait for the disk, and what a crash leaves of a set of images is of
// no use without the rest.
void write_whole_file(int dirfd, const std::string& name, std::span<const std::uint8_t> bytes);

// Reads all of `name` below `dirfd`; nullopt if there is none. Throws Error, also if it is no
// regular file or has more than `most` bytes.
std::optional<std::vector<std::uint8_t>> read_whole_file(int dirfd, const std::string& name,
                                                         std::size_t most);

}  // namespace rmfork

#endif  // RMFORK_SRC_FILES_H
