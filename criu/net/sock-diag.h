// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <functional>
#include <string>

namespace criu::net {

// Asks the kernel for all sockets of a family in the calling thread's network namespace,
// sock_diag(7). request: a struct of the family's, such as unix_diag_req. what: "the UNIX sockets",
// for the message of the Error. take: called for each answer; throws nothing.
void ask_sock_diag(const std::string& what, const void* request, size_t size,
                   std::function<void(nlmsghdr*)> take);

}  // namespace criu::net
