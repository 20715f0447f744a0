// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/anon-inode.h"

#include "criu/base/error.h"
#include "criu/base/proc.h"

namespace criu::files {

namespace {

// What stands behind "key:".
std::optional<std::string_view> find_line(const OpenFile& file, std::string_view key) {
  std::optional<std::string_view> found;
  proc::each_line(file.fdinfo, [&](std::string_view line) {
    if (!line.starts_with(key) || line.substr(key.size(), 1) != ":") return;
    line.remove_prefix(key.size() + 1);
    line.remove_prefix(std::min(line.find_first_not_of(" \t("), line.size()));
    found = line;
  });
  return found;
}

std::string_view must_find_line(const OpenFile& file, std::string_view key) {
  const auto line = find_line(file, key);
  if (!line) fail("{}: the kernel does not tell its state ({} in fdinfo)", file.who(), key);
  return *line;
}

}  // namespace

bool is_anon_inode(const OpenFile& file, std::string_view name) {
  constexpr std::string_view kPrefix = "anon_inode:[";
  const std::string_view link = file.link;
  return link.starts_with(kPrefix) && link.ends_with(']') &&
         link.substr(kPrefix.size(), link.size() - kPrefix.size() - 1) == name;
}

std::optional<uint64_t> find_info(const OpenFile& file, std::string_view key, int base) {
  const auto line = find_line(file, key);
  if (!line) return std::nullopt;
  return proc::to_u64(*line, base);
}

uint64_t must_find_info(const OpenFile& file, std::string_view key, int base) {
  return proc::to_u64(must_find_line(file, key), base);
}

std::pair<uint64_t, uint64_t> must_find_time(const OpenFile& file, std::string_view key) {
  const std::string_view line = must_find_line(file, key);
  const size_t second = line.find(", ");
  if (second == std::string_view::npos) fail("{}: its {} in fdinfo is no time", file.who(), key);
  return {proc::to_u64(line), proc::to_u64(line.substr(second + 2))};
}

}  // namespace criu::files
