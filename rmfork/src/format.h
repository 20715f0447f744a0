// SPDX-License-Identifier: GPL-2.0-only
//
// {fmt}, compiled in: Debian has no static libfmt, and the kernel test is a static program.
#ifndef RMFORK_SRC_FORMAT_H
#define RMFORK_SRC_FORMAT_H

#ifndef FMT_HEADER_ONLY
#define FMT_HEADER_ONLY
#endif
#include <fmt/format.h>  // IWYU pragma: export

#endif  // RMFORK_SRC_FORMAT_H
