// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include "criu/config.h"

namespace criu {

// `criu restore`: brings back the tree whose images lie in options.images_dir. Returns the exit
// status: 0 once the tasks run (--restore-detached), else when the root task has ended. Throws
// Error; then nothing of the tree is left.
int restore(const Options& options);

}  // namespace criu
