// SPDX-License-Identifier: GPL-2.0-only
//
// rmfork-<pid>.img: any bytes are either refused by an Error or an entry that can be written again.
// The same input is tried as a file, as a message behind a right head, and as the values of a
// message's fields, so that chance need not find what a file begins with or how lengths are told.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "rmfork/entry.h"
#include "rmfork/error.h"
#include "rmfork/rmfork.pb-c.h"

namespace {

bool same(const rmfork::Entry& a, const rmfork::Entry& b) {
  if (a.meta_off != b.meta_off || a.vpid != b.vpid || a.nr_iovs != b.nr_iovs ||
      a.transport != b.transport || a.identity.has_value() != b.identity.has_value())
    return false;
  if (!a.identity) return true;
  return a.identity->pool_uuid == b.identity->pool_uuid &&
         a.identity->generation == b.identity->generation &&
         a.identity->nr_pages == b.identity->nr_pages &&
         a.identity->nr_ranges == b.identity->nr_ranges &&
         a.identity->index_checksum == b.identity->index_checksum &&
         a.identity->abi_version == b.identity->abi_version;
}

void try_entry(const std::vector<std::uint8_t>& bytes) {
  rmfork::Entry entry;
  try {
    entry = rmfork::parse_entry(bytes, "rmfork-1.img");
  } catch (const rmfork::Error&) {
    return;
  }
  if (entry.meta_off == 0 || entry.vpid <= 0) abort();
  if (!same(entry, rmfork::parse_entry(rmfork::pack_entry(entry), "rmfork-1.img"))) abort();
}

std::vector<std::uint8_t> with_head(const std::vector<std::uint8_t>& message) {
  std::vector<std::uint8_t> framed;
  for (std::uint32_t word :
       {rmfork::kImageMagic, rmfork::kEntryMagic, static_cast<std::uint32_t>(message.size())})
    for (int shift = 0; shift < 32; shift += 8)
      framed.push_back(static_cast<std::uint8_t>(word >> shift));
  framed.insert(framed.end(), message.begin(), message.end());
  return framed;
}

std::vector<std::uint8_t> from_fields(std::vector<std::uint8_t> bytes) {
  std::size_t used = 0;
  auto take = [&](int size) {
    std::uint64_t value = 0;
    for (; size > 0; size--) value = value << 8 | (used < bytes.size() ? bytes[used++] : 0);
    return value;
  };
  RmforkEntry m = RMFORK_ENTRY__INIT;
  // Most often all of them are there.
  const auto absent = take(1) % 2 == 0 ? 0 : take(1);
  m.meta_off = take(8) >> take(1) % 64;
  m.pid = static_cast<std::uint32_t>(take(4));
  m.has_generation = !(absent & 1);
  m.generation = take(8);
  m.has_nr_pages = !(absent & 2);
  m.nr_pages = take(2);
  m.has_nr_ranges = !(absent & 4);
  m.nr_ranges = take(2);
  m.has_index_checksum = !(absent & 8);
  m.index_checksum = static_cast<std::uint32_t>(take(4));
  m.has_abi_version = !(absent & 16);
  m.abi_version = static_cast<std::uint32_t>(take(1));
  m.has_nr_iovs = !(absent & 32);
  m.nr_iovs = take(2);
  m.has_pool_uuid = !(absent & 64);
  const auto length = take(1) % 32;
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(used));
  bytes.resize(length);
  m.pool_uuid = {bytes.size(), bytes.data()};
  char transport[] = "/dev/rmfork";
  if (!(absent & 128)) m.transport = transport;
  std::vector<std::uint8_t> message(rmfork_entry__get_packed_size(&m));
  rmfork_entry__pack(&m, message.data());
  return message;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> bytes(data, data + size);
  try_entry(bytes);
  try_entry(with_head(bytes));
  try_entry(with_head(from_fields(bytes)));
  return 0;
}
