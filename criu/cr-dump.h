// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "criu/config.h"

namespace criu {

// `criu dump`: stores the tree of options.tree in images, then ends it (or lets it run on, or
// leaves it stopped). Throws Error; the tree then runs on as it was.
void dump(const Options& options);

}  // namespace criu
