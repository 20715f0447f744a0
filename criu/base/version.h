// SPDX-License-Identifier: GPL-2.0-only
#pragma once

namespace criu {

// Programs that drive the tool compare versions: this one offers what CRIU 4.2 offers, as far as it
// goes.
constexpr int kVersionMajor = 4;
constexpr int kVersionMinor = 2;
constexpr const char* kVersion = "4.2 (criu-rmfork 0.1)";

}  // namespace criu
