// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

namespace criu::net {

// Throws Error naming `who` where a socket is not of the network namespace that this process is in
// (SO_NETNS_COOKIE, socket(7); since Linux 5.14, and not told of before).
void refuse_other_network(int fd, const std::string& who);

}  // namespace criu::net
