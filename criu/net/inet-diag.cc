// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/inet-diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include <algorithm>
#include <memory>

#include "criu/base/error.h"

namespace criu::net {

namespace {

// Called by libnl, in C: throws nothing but what no memory gives.
int take(nl_msg* message, void* to) {
  auto& sockets = *static_cast<TcpSockets*>(to);
  nlmsghdr* header = nlmsg_hdr(message);
  nlattr* has[INET_DIAG_MAX + 1] = {};
  if (nlmsg_parse(header, sizeof(inet_diag_msg), has, INET_DIAG_MAX, nullptr) < 0) return NL_SKIP;
  const auto& msg = *static_cast<const inet_diag_msg*>(nlmsg_data(header));
  TcpDiag diag;
  diag.inode = msg.idiag_inode;
  diag.state = msg.idiag_state;
  diag.port = ntohs(msg.id.idiag_sport);
  diag.peer_port = ntohs(msg.id.idiag_dport);
  std::copy_n(msg.id.idiag_dst, diag.peer.size(), diag.peer.begin());
  diag.incoming = msg.idiag_rqueue;
  if (const nlattr* shutdown = has[INET_DIAG_SHUTDOWN];
      shutdown != nullptr && nla_len(shutdown) > 0)
    diag.shutdown = *static_cast<const uint8_t*>(nla_data(shutdown));
  if (diag.inode != 0)
    sockets.by_inode[diag.inode] = diag;
  else
    sockets.in_flight.push_back(diag);
  return NL_OK;
}

void must(int result) {
  if (result < 0) fail("cannot ask for the TCP sockets (sock_diag): {}", nl_geterror(result));
}

}  // namespace

TcpSockets read_tcp_sockets() {
  const std::unique_ptr<nl_sock, decltype(&nl_socket_free)> socket(nl_socket_alloc(),
                                                                   nl_socket_free);
  if (!socket) fail("cannot make a netlink socket");
  must(nl_connect(socket.get(), NETLINK_SOCK_DIAG));
  TcpSockets sockets;
  must(nl_socket_modify_cb(socket.get(), NL_CB_VALID, NL_CB_CUSTOM, take, &sockets));
  for (const uint8_t family : {AF_INET, AF_INET6}) {
    inet_diag_req_v2 request{};
    request.sdiag_family = family;
    request.sdiag_protocol = IPPROTO_TCP;
    request.idiag_states = ~0U;
    must(nl_send_simple(socket.get(), SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &request, sizeof request));
    must(nl_recvmsgs_default(socket.get()));
  }
  return sockets;
}

}  // namespace criu::net
