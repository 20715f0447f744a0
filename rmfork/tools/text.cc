// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/tools/text.h"

#include <algorithm>
#include <ctime>

#include "rmfork/src/format.h"

namespace rmfork::ctl {
namespace {

constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

std::string broken_down(const char* format, const std::tm& time) {
  char buffer[64];
  return {buffer, std::strftime(buffer, sizeof(buffer), format, &time)};
}

}  // namespace

std::string size_text(std::uint64_t bytes) {
  if (bytes < 1024) return rmfork::format("{} B", bytes);
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  std::size_t unit = 0;
  // What would be printed as 1024.0 is one of the next unit.
  for (; value >= 1023.95 && unit + 1 < std::size(kUnits); unit++) value /= 1024;
  return rmfork::format("{:.1f} {}", value, kUnits[unit]);
}

std::string offset_text(std::uint64_t offset) {
  return rmfork::format("{:#x}", offset);
}

std::string checksum_text(std::uint32_t checksum) {
  return rmfork::format("{:#010x}", checksum);
}

std::string local_time_text(std::uint64_t ns) {
  const auto seconds = static_cast<std::time_t>(ns / kNsPerSecond);
  std::tm time = {};
  localtime_r(&seconds, &time);
  return broken_down("%Y-%m-%d %H:%M:%S", time);
}

std::string utc_time_text(std::uint64_t ns) {
  const auto seconds = static_cast<std::time_t>(ns / kNsPerSecond);
  std::tm time = {};
  gmtime_r(&seconds, &time);
  return broken_down("%Y-%m-%dT%H:%M:%S", time) + rmfork::format(".{:09}Z", ns % kNsPerSecond);
}

std::string printable(std::string_view text) {
  std::string safe;
  for (const char c : text) {
    if (c >= 0x20 && c < 0x7f)
      safe += c;
    else
      safe += rmfork::format("\\x{:02x}", static_cast<unsigned char>(c));
  }
  return safe;
}

std::string counted(std::size_t n, std::string_view noun) {
  return rmfork::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

std::string Table::text() const {
  std::vector<std::size_t> widths(columns_.size());
  for (const auto& row : rows_)
    for (std::size_t i = 0; i < row.size(); i++) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const auto& row : rows_) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); i++) {
      if (i > 0) line += "  ";
      line += columns_[i] == Align::kRight ? rmfork::format("{:>{}}", row[i], widths[i])
                                           : rmfork::format("{:<{}}", row[i], widths[i]);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + '\n';
  }
  return text;
}

std::string labelled(const std::vector<LabelledValue>& lines, std::size_t indent) {
  Table table({Table::Align::kLeft, Table::Align::kLeft});
  for (const LabelledValue& line : lines)
    table.add({std::string(indent, ' ') + line.label, line.value});
  return table.text();
}

}  // namespace rmfork::ctl
