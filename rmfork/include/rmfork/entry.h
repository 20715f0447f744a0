// SPDX-License-Identifier: GPL-2.0-only
//
// rmfork-<pid>.img: where one task's memory lies in ubmem, and what must still be true of that
// place at restore. The authority for a task's meta offset.
//
// The file has the framing of every image: two little-endian u32 (kImageMagic, kEntryMagic), then
// a u32 length and one packed rmfork_entry message (rmfork/rmfork.proto), then the end.
#ifndef RMFORK_ENTRY_H
#define RMFORK_ENTRY_H

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "rmfork/uapi.h"

namespace rmfork {

inline constexpr std::uint32_t kImageMagic = 0x54564319;  // every ordinary image
inline constexpr std::uint32_t kEntryMagic = 0x524d464b;  // "RMFK"

// What only a kernel with extensions can tell; checked against it before a restore.
struct EntryIdentity {
  std::array<std::uint8_t, RMFORK_UUID_BYTES> pool_uuid{};
  std::uint64_t generation = 0;
  std::uint64_t nr_pages = 0;
  std::uint64_t nr_ranges = 0;
  std::uint32_t index_checksum = 0;
  std::uint32_t abi_version = 0;
};

struct Entry {
  std::uint64_t meta_off = 0;
  pid_t vpid = 0;             // as in the other per-task image names
  std::uint64_t nr_iovs = 0;  // ranges the dump was asked for; 0: all private memory
  std::string transport;      // for people: by which way it was dumped
  std::optional<EntryIdentity> identity;
};

std::string entry_file_name(pid_t vpid);

std::vector<std::uint8_t> pack_entry(const Entry& entry);

// `name` is for messages. Throws Error: wrong magic, truncated, oversized, trailing bytes,
// malformed message, values out of bounds.
Entry parse_entry(std::span<const std::uint8_t> bytes, const std::string& name);

// Reads rmfork-<vpid>.img below `dirfd`, and checks that it is that task's. nullopt: there is
// none. Throws Error.
std::optional<Entry> read_entry(int dirfd, pid_t vpid);

// The pids of the entry files below `dirfd`, in no order. Throws Error.
std::vector<pid_t> list_entries(int dirfd);

// The entry that names this offset, whatever its pid; nullopt: none does. Throws Error if an
// entry file is damaged.
std::optional<Entry> find_entry(int dirfd, std::uint64_t meta_off);

// Writes it as write_meta_file() does. Throws Error.
void write_entry(int dirfd, const Entry& entry);

}  // namespace rmfork

#endif  // RMFORK_ENTRY_H
