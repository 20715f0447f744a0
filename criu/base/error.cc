// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/error.h"

#include <cstring>

namespace criu {

void throw_error(fmt::string_view format, fmt::format_args args) {
  throw Error(fmt::vformat(format, args));
}

void throw_transient(fmt::string_view format, fmt::format_args args) {
  throw Transient(fmt::vformat(format, args));
}

void throw_errno(int err, fmt::string_view format, fmt::format_args args) {
  const std::string text = fmt::vformat(format, args) + ": " + std::strerror(err);
  if (err == ENOENT || err == ESRCH) throw NotThere(text);
  throw Error(text);
}

}  // namespace criu
