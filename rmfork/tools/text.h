// SPDX-License-Identifier: GPL-2.0-only
//
// How values look to people.
#ifndef RMFORK_TOOLS_TEXT_H
#define RMFORK_TOOLS_TEXT_H

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace rmfork::ctl {

// "0 B", "4.0 KiB", "1.5 GiB".
std::string size_text(std::uint64_t bytes);

// "0x3000".
std::string offset_text(std::uint64_t offset);

// "0x0000abcd", of a checksum.
std::string checksum_text(std::uint32_t checksum);

// Nanoseconds since 1970: "2024-05-01 12:34:56" in the local time zone.
std::string local_time_text(std::uint64_t ns);

// The same to the nanosecond in UTC, as in RFC 3339: "2024-05-01T12:34:56.000000789Z".
std::string utc_time_text(std::uint64_t ns);

// Text from a file or the kernel, safe for a terminal: what is not printable ASCII becomes \xNN.
std::string printable(std::string_view text);

// "1 snapshot", "2 snapshots".
std::string counted(std::size_t n, std::string_view noun);

// Columns, each as wide as its widest cell, two blanks apart.
class Table {
 public:
  enum class Align { kLeft, kRight };
  explicit Table(std::vector<Align> columns) : columns_(std::move(columns)) {}

  // As many cells as there are columns.
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }

  std::string text() const;

 private:
  std::vector<Align> columns_;
  std::vector<std::vector<std::string>> rows_;
};

// "label  value" lines, the values below each other, each line behind `indent` blanks.
struct LabelledValue {
  std::string label;
  std::string value;
};
std::string labelled(const std::vector<LabelledValue>& lines, std::size_t indent = 0);

}  // namespace rmfork::ctl

#endif  // RMFORK_TOOLS_TEXT_H
