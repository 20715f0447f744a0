// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <linux/netlink.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

struct nl_sock;

namespace criu::net {

// Asks the kernel for all sockets of a family in the calling thread's network namespace,
// sock_diag(7). what: "the UNIX sockets", for the message of the Error.
//
// An answer that does not fit into what the kernel sends at a time ends the answers, without an
// error: some 4 KiB at first, and 32 when it has seen that as much is read.
class SockDiag {
 public:
  explicit SockDiag(std::string what);
  // request: a struct of the family's, such as unix_diag_req. take: called for each answer; throws
  // nothing.
  void ask(const void* request, size_t size, std::function<void(nlmsghdr*)> take);

 private:
  void must(int result) const;

  std::string what_;
  std::unique_ptr<nl_sock, void (*)(nl_sock*)> socket_;
};

}  // namespace criu::net
