// SPDX-License-Identifier: GPL-2.0-only
//
// rmfork-<pid>.img: any bytes are either refused by an Error or an entry that can be written again.
// The head is put before every second input, so that chance need not find it.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "rmfork/entry.h"
#include "rmfork/error.h"

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

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::vector<std::uint8_t> bytes(data, data + size);
  try_entry(bytes);
  std::vector<std::uint8_t> framed;
  for (std::uint32_t word :
       {rmfork::kImageMagic, rmfork::kEntryMagic, static_cast<std::uint32_t>(size)})
    for (int shift = 0; shift < 32; shift += 8)
      framed.push_back(static_cast<std::uint8_t>(word >> shift));
  framed.insert(framed.end(), bytes.begin(), bytes.end());
  try_entry(framed);
  return 0;
}
