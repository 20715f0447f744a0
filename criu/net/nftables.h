// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

namespace criu::net {

// Runs commands of nft(8) in one transaction, by libnftables, which is looked for only now: few
// dumps need it. Throws Error with what it says.
void run_nft(const std::string& commands);

}  // namespace criu::net
