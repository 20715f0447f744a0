// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

namespace criu {

// What a dump is known by, to this machine and any other: 122 bits of chance, written as a UUID
// (RFC 9562, version 4). Throws Error.
std::string make_run_id();

// Whether it may stand in the name of something: images may come from anybody.
bool is_run_id(const std::string& text);

}  // namespace criu
