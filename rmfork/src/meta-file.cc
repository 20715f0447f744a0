// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/meta-file.h"

#include <charconv>
#include <limits>
#include <span>
#include <string>

#include "rmfork/error.h"
#include "rmfork/src/files.h"
#include "rmfork/src/format.h"

namespace rmfork {
namespace {

constexpr std::size_t kMostDigits = 16;
constexpr std::size_t kMostBytes = 256;  // far more than a valid file, to say what is wrong

[[noreturn]] void refuse(const std::string& why) {
  throw Error(rmfork::format("{} {}", kMetaFileName, why));
}

}  // namespace

std::uint64_t parse_meta(std::string_view contents) {
  if (contents.empty()) refuse("is empty");
  if (contents.starts_with('-')) refuse("holds a negative number");
  if (!contents.starts_with("0x")) refuse("does not begin with 0x");
  contents.remove_prefix(2);

  std::size_t digits = contents.find_first_not_of("0123456789abcdefABCDEF");
  if (digits == std::string_view::npos) digits = contents.size();
  std::string_view rest = contents.substr(digits);
  if (digits == 0) refuse("has no hexadecimal number after 0x");
  if (digits > kMostDigits) refuse(rmfork::format("has a number of {} digits", digits));
  if (!rest.empty() && rest != "\n") refuse("has something after the number");

  std::uint64_t value = 0;
  std::from_chars(contents.data(), contents.data() + digits, value, 16);
  if (value == 0) refuse("says 0, which is no snapshot's offset");
  if (value > std::numeric_limits<std::int64_t>::max())
    refuse(rmfork::format("says {:#x}, which no ubmem is large enough for", value));
  return value;
}

std::optional<std::uint64_t> read_meta_file(int dirfd) {
  auto bytes = read_whole_file(dirfd, kMetaFileName, kMostBytes);
  if (!bytes) return std::nullopt;
  return parse_meta({reinterpret_cast<const char*>(bytes->data()), bytes->size()});
}

void write_meta_file(int dirfd, std::uint64_t off) {
  std::string line = rmfork::format("{:#x}\n", off);
  write_whole_file(dirfd, kMetaFileName,
                   {reinterpret_cast<const std::uint8_t*>(line.data()), line.size()});
}

}  // namespace rmfork
