// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

namespace criu::net {

// Gives commands to iptables-restore(8) or ip6tables-restore(8), all at once, and leaves other
// rules as they are. Throws Error with what it says.
void run_iptables(const char* program, const std::string& commands);

}  // namespace criu::net
