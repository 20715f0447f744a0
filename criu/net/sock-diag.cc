// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/sock-diag.h"

#include <linux/sock_diag.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <memory>

#include "criu/base/error.h"

namespace criu::net {

namespace {

using Take = std::function<void(nlmsghdr*)>;

// Called by libnl, in C.
int hand_over(nl_msg* message, void* take) {
  (*static_cast<Take*>(take))(nlmsg_hdr(message));
  return NL_OK;
}

}  // namespace

void ask_sock_diag(const std::string& what, const void* request, size_t size, Take take) {
  const auto must = [&](int result) {
    if (result < 0) fail("cannot ask for {} (sock_diag): {}", what, nl_geterror(result));
  };
  const std::unique_ptr<nl_sock, decltype(&nl_socket_free)> socket(nl_socket_alloc(),
                                                                   nl_socket_free);
  if (!socket) fail("cannot make a netlink socket");
  must(nl_connect(socket.get(), NETLINK_SOCK_DIAG));
  must(nl_socket_modify_cb(socket.get(), NL_CB_VALID, NL_CB_CUSTOM, hand_over, &take));
  must(nl_send_simple(socket.get(), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, const_cast<void*>(request),
                      size));
  must(nl_recvmsgs_default(socket.get()));
}

}  // namespace criu::net
