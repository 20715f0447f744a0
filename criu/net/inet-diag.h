// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "criu/net/inet-address.h"
#include "criu/net/told-options.h"

namespace criu::net {

// What the kernel tells of a TCP socket: sock_diag(7).
struct TcpDiag {
  uint32_t inode = 0;  // 0: nobody has it yet
  uint8_t state = 0;
  uint16_t port = 0;  // its own
  uint16_t peer_port = 0;
  std::array<uint32_t, 4> peer{};  // the peer's address, in network order; of IPv4 one word
  uint32_t incoming = 0;           // bytes that were not read, with a FIN
  bool is_signed = false;          // its segments are, by keys: TCP_MD5SIG, tcp(7)
  uint8_t shutdown = 0;            // 1: nothing will come; 2: nothing will be sent
  ToldOptions options;
};

struct TcpSockets {
  std::map<uint32_t, TcpDiag> by_inode;
  std::vector<TcpDiag> in_flight;  // have not been accepted
};

// All of the calling thread's network namespace, of families AF_INET and AF_INET6. One question
// each, for which the kernel walks through all that it has.
TcpSockets read_tcp_sockets(const std::set<uint32_t>& families);
// As TcpDiag::shutdown, of the sockets of another protocol, by inode; those that were not shut down
// are left out.
std::map<uint32_t, uint8_t> read_shut_down(uint8_t protocol);

// A socket that has a port.
struct PortUser {
  uint32_t inode = 0;
  bool v6_only = false;   // IPV6_V6ONLY; unknown is not
  InetAddress own, peer;  // peer: of port 0 where it is not connected
};

// All sockets of a protocol and a port in the calling thread's network namespace.
std::vector<PortUser> read_port_users(uint8_t protocol, uint16_t port);
// Of UDP or UDP-Lite and of one family, by inode, in the order in which they were bound. That is
// known of sockets with SO_REUSEPORT.
std::vector<uint32_t> read_bind_order(uint8_t protocol, uint8_t family, uint16_t port);

}  // namespace criu::net
