// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/inet-diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <netinet/in.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <algorithm>

#include "criu/net/sock-diag.h"

namespace criu::net {

namespace {

void add(TcpSockets& sockets, nlmsghdr* header) {
  nlattr* has[INET_DIAG_MAX + 1] = {};
  if (nlmsg_parse(header, sizeof(inet_diag_msg), has, INET_DIAG_MAX, nullptr) < 0) return;
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
}

TcpSockets read_sockets(uint8_t protocol, const std::string& what) {
  TcpSockets sockets;
  for (const uint8_t family : {AF_INET, AF_INET6}) {
    inet_diag_req_v2 request{};
    request.sdiag_family = family;
    request.sdiag_protocol = protocol;
    request.idiag_states = ~0U;
    ask_sock_diag(what, &request, sizeof request, [&](nlmsghdr* header) { add(sockets, header); });
  }
  return sockets;
}

}  // namespace

TcpSockets read_tcp_sockets() {
  return read_sockets(IPPROTO_TCP, "the TCP sockets");
}

std::map<uint32_t, uint8_t> read_shut_down(uint8_t protocol) {
  std::map<uint32_t, uint8_t> ways;
  for (const auto& [inode, diag] : read_sockets(protocol, "the UDP sockets").by_inode)
    if (diag.shutdown != 0) ways.emplace(inode, diag.shutdown);
  return ways;
}

}  // namespace criu::net
