// SPDX-License-Identifier: GPL-2.0-only
//
// rmfork.meta: any bytes at all are either refused by an Error or are the one line it should be.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include "rmfork/error.h"
#include "rmfork/meta-file.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view contents(reinterpret_cast<const char*>(data), size);
  std::uint64_t off = 0;
  try {
    off = rmfork::parse_meta(contents);
  } catch (const rmfork::Error&) {
    return 0;
  }
  // What was accepted means that number and no other.
  if (off == 0 || off >> 63 != 0 || size > 19) abort();
  if (std::strtoull(std::string(contents).c_str(), nullptr, 16) != off) abort();
  return 0;
}
