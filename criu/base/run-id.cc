// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/run-id.h"

#include <sys/random.h>

#include <algorithm>
#include <array>
#include <cstdint>

#include "criu/base/error.h"

namespace criu {

std::string make_run_id() {
  std::array<uint8_t, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    fail_errno("cannot get a random number");
  bytes[6] = static_cast<uint8_t>(0x40 | (bytes[6] & 0x0f));
  bytes[8] = static_cast<uint8_t>(0x80 | (bytes[8] & 0x3f));
  std::string text;
  for (size_t i = 0; i < bytes.size(); i++)
    text += fmt::format("{}{:02x}", i == 4 || i == 6 || i == 8 || i == 10 ? "-" : "", bytes[i]);
  return text;
}

bool is_run_id(const std::string& text) {
  constexpr size_t kMost = 64;
  return !text.empty() && text.size() <= kMost && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-';
  });
}

}  // namespace criu
