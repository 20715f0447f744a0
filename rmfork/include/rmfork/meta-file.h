// SPDX-License-Identifier: GPL-2.0-only
//
// rmfork.meta: the root task's meta offset, one line `0x%lx`, for programs that read only that.
#ifndef RMFORK_META_FILE_H
#define RMFORK_META_FILE_H

#include <cstdint>
#include <optional>
#include <string_view>

namespace rmfork {

inline constexpr char kMetaFileName[] = "rmfork.meta";

// The line's value. `contents` is the whole file: 0x and 1 to 16 hexadecimal digits, then
// nothing or one newline. Throws Error, which names what is wrong: empty, no 0x, rubbish, negative,
// overlong, trailing data, zero.
std::uint64_t parse_meta(std::string_view contents);

// Reads the file in the directory `dirfd`. nullopt: there is none. Throws Error.
std::optional<std::uint64_t> read_meta_file(int dirfd);

// Writes it so that who reads meanwhile, or after this process was killed, finds either the old
// file or the new one. It is not synced. Throws Error; then nothing of the new file is left.
void write_meta_file(int dirfd, std::uint64_t off);

}  // namespace rmfork

#endif  // RMFORK_META_FILE_H
