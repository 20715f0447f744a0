// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/route-socket.h"

#include <netlink/errno.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>

#include <new>

#include "criu/base/error.h"

namespace criu::net {

namespace {

// Called by libnl, in C.
int keep(nl_msg* message, void* all) {
  static_cast<std::vector<RouteMessage>*>(all)->emplace_back(nlmsg_hdr(message));
  return NL_OK;
}

}  // namespace

RouteMessage::RouteMessage(const nlmsghdr* header)
    : bytes_(reinterpret_cast<const uint8_t*>(header),
             reinterpret_cast<const uint8_t*>(header) + header->nlmsg_len) {}

RouteSocket::RouteSocket() : socket_(nl_socket_alloc(), nl_socket_free) {
  if (!socket_) throw std::bad_alloc();
  if (const int e = nl_connect(socket_.get(), NETLINK_ROUTE); e < 0)
    fail("cannot make a socket for rtnetlink: {}", nl_geterror(e));
  nl_socket_enable_msg_peek(socket_.get());  // a device may have a lot to tell
}

// What changes meanwhile shows in the answer; then it is asked for again.
std::vector<RouteMessage> RouteSocket::list(int request, uint8_t family, const std::string& what) {
  constexpr int kRounds = 10;
  int error = 0;
  for (int round = 0; round < kRounds; round++) {
    std::vector<RouteMessage> all;
    nl_socket_modify_cb(socket_.get(), NL_CB_VALID, NL_CB_CUSTOM, keep, &all);
    ifinfomsg body{};  // the largest of the three; all begin with the family
    static_assert(sizeof body >= sizeof(rtmsg) && sizeof body >= sizeof(ifaddrmsg));
    body.ifi_family = family;
    error = nl_send_simple(socket_.get(), request, NLM_F_DUMP, &body,
                           request == RTM_GETLINK ? sizeof body : sizeof(rtmsg));
    if (error >= 0) error = nl_recvmsgs_default(socket_.get());
    if (error >= 0) return all;
    if (error != -NLE_DUMP_INTR) break;
  }
  fail("cannot list {} (rtnetlink): {}", what, nl_geterror(error));
}

int RouteSocket::change(nl_msg* message) {
  const int sent = nl_send_auto(socket_.get(), message);
  return sent < 0 ? sent : nl_wait_for_ack(socket_.get());
}

NewMessage new_message(int type, int flags) {
  NewMessage message(nlmsg_alloc_simple(type, flags), nlmsg_free);
  if (!message) throw std::bad_alloc();
  return message;
}

}  // namespace criu::net
