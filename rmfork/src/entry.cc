// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/entry.h"

#include <dirent.h>
#include <endian.h>
#include <fcntl.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <limits>
#include <memory>

#include "rmfork/error.h"
#include "rmfork/rmfork.pb-c.h"
#include "rmfork/src/files.h"
#include "rmfork/src/format.h"

namespace rmfork {
namespace {

constexpr std::size_t kFraming = 12;        // two magics and a length
constexpr std::size_t kMostMessage = 4096;  // ours are below 128 bytes
constexpr std::string_view kPrefix = "rmfork-";
constexpr std::string_view kSuffix = ".img";

void put_u32(std::vector<std::uint8_t>& to, std::uint32_t value) {
  std::uint32_t le = htole32(value);
  auto* bytes = reinterpret_cast<const std::uint8_t*>(&le);
  to.insert(to.end(), bytes, bytes + sizeof(le));
}

std::uint32_t get_u32(std::span<const std::uint8_t> from, std::size_t at) {
  std::uint32_t le;
  memcpy(&le, from.data() + at, sizeof(le));
  return le32toh(le);
}

struct MessageFree {
  void operator()(RmforkEntry* m) const { rmfork_entry__free_unpacked(m, nullptr); }
};
using Message = std::unique_ptr<RmforkEntry, MessageFree>;

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
  throw Error(rmfork::format("{} {}", name, why));
}

std::span<const std::uint8_t> unframe(std::span<const std::uint8_t> bytes,
                                      const std::string& name) {
  if (bytes.size() < kFraming)
    refuse(name, rmfork::format("is truncated: {} bytes, less than its head", bytes.size()));
  if (get_u32(bytes, 0) != kImageMagic)
    refuse(name, rmfork::format("is no image: it begins with {:#010x}, not {:#010x}",
                                get_u32(bytes, 0), kImageMagic));
  if (get_u32(bytes, 4) != kEntryMagic)
    refuse(name, rmfork::format("is an image of another kind: its magic is {:#010x}, not {:#010x}",
                                get_u32(bytes, 4), kEntryMagic));
  std::uint32_t length = get_u32(bytes, 8);
  auto message = bytes.subspan(kFraming);
  if (length > kMostMessage)
    refuse(name, rmfork::format("has an entry of {} bytes, more than {}", length, kMostMessage));
  if (message.size() < length)
    refuse(name,
           rmfork::format("is truncated: {} of {} bytes of its entry", message.size(), length));
  if (message.size() > length)
    refuse(name, rmfork::format("has {} bytes after its entry", message.size() - length));
  return message;
}

std::optional<EntryIdentity> identity_of(const RmforkEntry& m, const std::string& name) {
  int present = m.has_pool_uuid + m.has_generation + m.has_nr_pages + m.has_nr_ranges +
                m.has_index_checksum + m.has_abi_version;
  if (present == 0) return std::nullopt;
  if (present != 6) refuse(name, "tells only a part of what identifies its snapshot");
  if (m.abi_version == 0) refuse(name, "has the impossible ABI version 0");
  EntryIdentity id;
  if (m.pool_uuid.len != id.pool_uuid.size())
    refuse(name, rmfork::format("has a pool uuid of {} bytes, not {}", m.pool_uuid.len,
                                id.pool_uuid.size()));
  memcpy(id.pool_uuid.data(), m.pool_uuid.data, id.pool_uuid.size());
  id.generation = m.generation;
  id.nr_pages = m.nr_pages;
  id.nr_ranges = m.nr_ranges;
  id.index_checksum = m.index_checksum;
  id.abi_version = m.abi_version;
  return id;
}

// The pid of "rmfork-<pid>.img"; nullopt: another file.
std::optional<pid_t> pid_of_file(std::string_view name) {
  if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  name.remove_suffix(kSuffix.size());
  pid_t pid = 0;
  auto [end, err] = std::from_chars(name.data(), name.data() + name.size(), pid);
  if (err != std::errc{} || end != name.data() + name.size() || pid <= 0) return std::nullopt;
  return pid;
}

}  // namespace

std::string entry_file_name(pid_t vpid) {
  return rmfork::format("{}{}{}", kPrefix, vpid, kSuffix);
}

std::vector<std::uint8_t> pack_entry(const Entry& entry) {
  RmforkEntry m = RMFORK_ENTRY__INIT;
  std::string transport = entry.transport;
  EntryIdentity id = entry.identity.value_or(EntryIdentity{});
  m.meta_off = entry.meta_off;
  m.pid = static_cast<std::uint32_t>(entry.vpid);
  m.transport = transport.empty() ? nullptr : transport.data();
  m.has_nr_iovs = entry.nr_iovs != 0;
  m.nr_iovs = entry.nr_iovs;
  if (entry.identity) {
    m.has_pool_uuid = m.has_generation = m.has_nr_pages = true;
    m.has_nr_ranges = m.has_index_checksum = m.has_abi_version = true;
    m.pool_uuid = {id.pool_uuid.size(), id.pool_uuid.data()};
    m.generation = id.generation;
    m.nr_pages = id.nr_pages;
    m.nr_ranges = id.nr_ranges;
    m.index_checksum = id.index_checksum;
    m.abi_version = id.abi_version;
  }
  std::size_t length = rmfork_entry__get_packed_size(&m);
  std::vector<std::uint8_t> bytes;
  put_u32(bytes, kImageMagic);
  put_u32(bytes, kEntryMagic);
  put_u32(bytes, static_cast<std::uint32_t>(length));
  bytes.resize(kFraming + length);
  rmfork_entry__pack(&m, bytes.data() + kFraming);
  return bytes;
}

Entry parse_entry(std::span<const std::uint8_t> bytes, const std::string& name) {
  auto packed = unframe(bytes, name);
  Message m(rmfork_entry__unpack(nullptr, packed.size(), packed.data()));
  if (!m) refuse(name, "has an entry that is not an rmfork_entry message");
  Entry entry;
  entry.meta_off = m->meta_off;
  if (entry.meta_off == 0 || entry.meta_off > std::numeric_limits<std::int64_t>::max())
    refuse(name, rmfork::format("has the impossible meta offset {:#x}", m->meta_off));
  if (m->pid == 0 || m->pid > static_cast<std::uint32_t>(std::numeric_limits<pid_t>::max()))
    refuse(name, rmfork::format("has the impossible pid {}", m->pid));
  entry.vpid = static_cast<pid_t>(m->pid);
  entry.nr_iovs = m->has_nr_iovs ? m->nr_iovs : 0;
  if (m->transport) entry.transport = m->transport;
  entry.identity = identity_of(*m, name);
  return entry;
}

std::optional<Entry> read_entry(int dirfd, pid_t vpid) {
  std::string name = entry_file_name(vpid);
  auto bytes = read_whole_file(dirfd, name, kFraming + kMostMessage);
  if (!bytes) return std::nullopt;
  Entry entry = parse_entry(*bytes, name);
  if (entry.vpid != vpid) refuse(name, rmfork::format("is of task {}", entry.vpid));
  return entry;
}

std::vector<pid_t> list_entries(int dirfd) {
  int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  std::unique_ptr<DIR, int (*)(DIR*)> dir(fd < 0 ? nullptr : fdopendir(fd), closedir);
  if (!dir) throw Error("reading the images directory", errno);
  std::vector<pid_t> pids;
  while (const dirent* d = readdir(dir.get()))
    if (auto pid = pid_of_file(d->d_name)) pids.push_back(*pid);
  return pids;
}

std::optional<Entry> find_entry(int dirfd, std::uint64_t meta_off) {
  for (pid_t pid : list_entries(dirfd)) {
    auto entry = read_entry(dirfd, pid);
    if (entry && entry->meta_off == meta_off) return entry;
  }
  return std::nullopt;
}

void write_entry(int dirfd, const Entry& entry) {
  write_whole_file(dirfd, entry_file_name(entry.vpid), pack_entry(entry));
}

}  // namespace rmfork
