// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/inet-diag.h"

#include <arpa/inet.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstring>
#include <functional>
#include <optional>

#include "criu/net/sock-diag.h"

namespace criu::net {

namespace {

// Attributes that have to be asked for. That of the traffic class brings INET_DIAG_CLASS_ID too,
// that of the state brings INET_DIAG_MD5SIG and INET_DIAG_ULP_INFO: tcp_diag_get_aux().
constexpr uint8_t kExtensions = 1U << (INET_DIAG_CONG - 1) | 1U << (INET_DIAG_TOS - 1) |
                                1U << (INET_DIAG_TCLASS - 1) | 1U << (INET_DIAG_SKMEMINFO - 1) |
                                1U << (INET_DIAG_INFO - 1);

// Newer kernels may tell more of it, older ones less.
template <typename T>
std::optional<T> value_of(const nlattr* attribute) {
  if (attribute == nullptr || nla_len(attribute) < static_cast<int>(sizeof(T))) return std::nullopt;
  T value;
  memcpy(&value, nla_data(attribute), sizeof value);
  return value;
}

ToldOptions options_of(const inet_diag_msg& msg, nlattr* const* has) {
  ToldOptions told;
  if (const auto memory =
          value_of<std::array<uint32_t, SK_MEMINFO_SNDBUF + 1>>(has[INET_DIAG_SKMEMINFO])) {
    told.send_buffer = (*memory)[SK_MEMINFO_SNDBUF];
    told.receive_buffer = (*memory)[SK_MEMINFO_RCVBUF];
  }
  told.mark = value_of<uint32_t>(has[INET_DIAG_MARK]);
  // The priority stands there where there is no class: inet_diag_msg_attrs_fill().
  if (value_of<uint32_t>(has[INET_DIAG_CLASS_ID]) == 0U) told.priority = 0;
  told.no_device = msg.id.idiag_if == 0;
  told.tos = value_of<uint8_t>(has[INET_DIAG_TOS]);
  told.traffic_class = value_of<uint8_t>(has[INET_DIAG_TCLASS]);
  if (const nlattr* name = has[INET_DIAG_CONG]; name != nullptr)
    told.congestion.emplace(nla_get_string(name), strnlen(nla_get_string(name), nla_len(name)));
  told.flags = value_of<inet_diag_sockopt>(has[INET_DIAG_SOCKOPT]);
  // Who may not see the one does not see the other either.
  told.no_upper_protocol = told.mark && has[INET_DIAG_ULP_INFO] == nullptr;
  return told;
}

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
  diag.shutdown = value_of<uint8_t>(has[INET_DIAG_SHUTDOWN]).value_or(0);
  diag.is_signed = has[INET_DIAG_MD5SIG] != nullptr;
  diag.options = options_of(msg, has);
  if (diag.inode != 0)
    sockets.by_inode[diag.inode] = diag;
  else
    sockets.in_flight.push_back(diag);
}

void ask_inet_diag(uint8_t protocol, uint32_t family, const std::string& what,
                   const std::function<void(nlmsghdr*)>& take) {
  inet_diag_req_v2 request{};
  request.sdiag_family = static_cast<uint8_t>(family);
  request.sdiag_protocol = protocol;
  // A connection whose end is over has no socket any more, and there may be very many.
  request.idiag_states = ~(1U << TCP_TIME_WAIT);
  request.idiag_ext = kExtensions;
  SockDiag(what).ask(&request, sizeof request, take);
}

TcpSockets read_sockets(uint8_t protocol, const std::set<uint32_t>& families,
                        const std::string& what) {
  TcpSockets sockets;
  for (const uint32_t family : families)
    ask_inet_diag(protocol, family, what, [&](nlmsghdr* header) { add(sockets, header); });
  return sockets;
}

}  // namespace

TcpSockets read_tcp_sockets(const std::set<uint32_t>& families) {
  return read_sockets(IPPROTO_TCP, families, "the TCP sockets");
}

std::map<uint32_t, uint8_t> read_shut_down(uint8_t protocol) {
  std::map<uint32_t, uint8_t> ways;
  for (const auto& [inode, diag] :
       read_sockets(protocol, {AF_INET, AF_INET6}, "the UDP sockets").by_inode)
    if (diag.shutdown != 0) ways.emplace(inode, diag.shutdown);
  return ways;
}

std::vector<PortUser> read_port_users(uint8_t protocol, uint16_t port) {
  std::vector<PortUser> users;
  const auto take = [&](nlmsghdr* header) {
    nlattr* has[INET_DIAG_MAX + 1] = {};
    if (nlmsg_parse(header, sizeof(inet_diag_msg), has, INET_DIAG_MAX, nullptr) < 0) return;
    const auto& msg = *static_cast<const inet_diag_msg*>(nlmsg_data(header));
    if (ntohs(msg.id.idiag_sport) != port) return;
    const size_t words = msg.idiag_family == AF_INET ? 1 : 4;
    PortUser& user = users.emplace_back();
    user.inode = msg.idiag_inode;
    user.v6_only = value_of<uint8_t>(has[INET_DIAG_SKV6ONLY]).value_or(0) != 0;
    user.own.words.assign(msg.id.idiag_src, msg.id.idiag_src + words);
    user.own.port = port;
    user.peer.words.assign(msg.id.idiag_dst, msg.id.idiag_dst + words);
    user.peer.port = ntohs(msg.id.idiag_dport);
  };
  for (const uint32_t family : {AF_INET, AF_INET6})
    ask_inet_diag(protocol, family, "the sockets of a port", take);
  return users;
}

// The kernel tells of a port's sockets in the order of their list, to which a new one is added at
// the head, and one of IPv6 with SO_REUSEPORT at the end: sk_add_node_rcu(), include/net/sock.h.
std::vector<uint32_t> read_bind_order(uint8_t protocol, uint8_t family, uint16_t port) {
  std::vector<uint32_t> inodes;
  ask_inet_diag(protocol, family, "the order of a port's sockets", [&](nlmsghdr* header) {
    if (nlmsg_valid_hdr(header, sizeof(inet_diag_msg)) == 0) return;
    const auto& msg = *static_cast<const inet_diag_msg*>(nlmsg_data(header));
    if (ntohs(msg.id.idiag_sport) == port) inodes.push_back(msg.idiag_inode);
  });
  if (family == AF_INET) std::ranges::reverse(inodes);
  return inodes;
}

}  // namespace criu::net
