// SPDX-License-Identifier: GPL-2.0-only
//
// Text as {fmt} formats it. Debian has no static libfmt, and the kernel test is a static program:
// fmt is compiled in, once. What formats includes no more than the check of the format string
// needs.
#ifndef RMFORK_SRC_FORMAT_H
#define RMFORK_SRC_FORMAT_H

#include <fmt/core.h>

#include <string>

namespace rmfork {

// Throws what memory allocation throws; the format has been checked when this was compiled.
std::string formatted(fmt::string_view format, fmt::format_args args);

template <typename... Args>
std::string format(fmt::format_string<Args...> format, Args&&... args) {
  return formatted(format, fmt::make_format_args(args...));
}

}  // namespace rmfork

#endif  // RMFORK_SRC_FORMAT_H
