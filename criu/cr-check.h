// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "criu/config.h"

namespace criu {

// `criu check`: says by name what of the kernel's features the tool needs or uses is missing.
// Returns 0 where nothing needed is missing (or where each --feature asked for is there), else 1.
int check(const Options& options);

}  // namespace criu
