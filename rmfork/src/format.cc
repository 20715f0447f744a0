// SPDX-License-Identifier: GPL-2.0-only
#define FMT_HEADER_ONLY

#include "rmfork/src/format.h"

#include <fmt/format.h>

namespace rmfork {

std::string formatted(fmt::string_view format, fmt::format_args args) {
  return fmt::vformat(format, args);
}

}  // namespace rmfork
