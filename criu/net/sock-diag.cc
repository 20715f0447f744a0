// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/sock-diag.h"

#include <linux/sock_diag.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>

#include <utility>

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

SockDiag::SockDiag(std::string what)
    : what_(std::move(what)), socket_(nl_socket_alloc(), nl_socket_free) {
  if (!socket_) fail("cannot make a netlink socket");
  constexpr size_t kMostAtATime = 32 * 1024;  // net/netlink/af_netlink.c, netlink_recvmsg()
  must(nl_connect(socket_.get(), NETLINK_SOCK_DIAG));
  must(nl_socket_set_msg_buf_size(socket_.get(), kMostAtATime));
}

void SockDiag::must(int result) const {
  if (result < 0) fail("cannot ask for {} (sock_diag): {}", what_, nl_geterror(result));
}

void SockDiag::ask(const void* request, size_t size, Take take) {
  must(nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, hand_over, &take));
  must(nl_send_simple(socket_.get(), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, const_cast<void*>(request),
                      size));
  must(nl_recvmsgs_default(socket_.get()));
}

}  // namespace criu::net
