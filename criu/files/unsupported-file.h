// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

#include "criu/files/file-kind.h"

namespace criu::files {

// What a file that no kind recognises is called in the refusal: "an io_uring", "a vsock socket".
std::string describe_unsupported(const OpenFile& file);

}  // namespace criu::files
