// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tcp-segment.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstring>
#include <vector>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/net/inet-address.h"
#include "criu/net/socket-options.h"

namespace criu::net {

namespace {

constexpr uint8_t kHops = 64;
constexpr int kIpv6HeaderIncluded = 36;  // IPV6_HDRINCL, linux/in6.h
constexpr uint16_t kWindow = 0xffff;

void append(std::vector<uint8_t>& bytes, const void* data, size_t size) {
  const auto* from = static_cast<const uint8_t*>(data);
  bytes.insert(bytes.end(), from, from + size);
}

// RFC 1071, in network order. An even number of bytes.
uint16_t checksum(const std::vector<uint8_t>& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2)
    sum += static_cast<uint32_t>(bytes[i] << 8 | bytes[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return htons(static_cast<uint16_t>(~sum));
}

tcphdr tcp_header(const Connection& c, const Segment& segment) {
  tcphdr tcp{};
  tcp.source = htons(c.peer_port), tcp.dest = htons(c.own_port);
  tcp.seq = htonl(segment.sequence), tcp.ack_seq = htonl(segment.acknowledges);
  tcp.doff = sizeof tcp / 4;
  tcp.ack = 1, tcp.fin = segment.fin ? 1 : 0;
  tcp.window = htons(kWindow);
  // The pseudo header: addresses, length and protocol, as 32-bit words in either family.
  std::vector<uint8_t> summed;
  append(summed, c.peer.data(), c.peer.size() * sizeof(uint32_t));
  append(summed, c.own.data(), c.own.size() * sizeof(uint32_t));
  const uint32_t tail[] = {htonl(sizeof tcp), htonl(IPPROTO_TCP)};
  append(summed, tail, sizeof tail);
  append(summed, &tcp, sizeof tcp);
  tcp.check = checksum(summed);
  return tcp;
}

// The kernel fills in the identification and the checksum: raw(7).
std::vector<uint8_t> ip_header(const Connection& c, size_t payload) {
  std::vector<uint8_t> bytes;
  if (c.own.size() == 1) {
    iphdr ip{};
    ip.version = 4, ip.ihl = sizeof ip / 4, ip.ttl = kHops, ip.protocol = IPPROTO_TCP;
    ip.tot_len = htons(static_cast<uint16_t>(sizeof ip + payload));
    ip.saddr = c.peer[0], ip.daddr = c.own[0];
    append(bytes, &ip, sizeof ip);
  } else {
    ip6_hdr ip{};
    ip.ip6_flow = htonl(6U << 28);
    ip.ip6_plen = htons(static_cast<uint16_t>(payload));
    ip.ip6_nxt = IPPROTO_TCP, ip.ip6_hlim = kHops;
    memcpy(&ip.ip6_src, c.peer.data(), sizeof ip.ip6_src);
    memcpy(&ip.ip6_dst, c.own.data(), sizeof ip.ip6_dst);
    append(bytes, &ip, sizeof ip);
  }
  return bytes;
}

}  // namespace

void receive_segment(const Connection& c, const Segment& segment, uint32_t scope,
                     const std::string& who) {
  const bool v4 = c.own.size() == 1;
  const UniqueFd fd(socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_TCP));
  if (!fd) fail_errno("cannot make a raw socket for {}", who);
  if (v4)
    set_option(fd.get(), IPPROTO_IP, IP_HDRINCL, 1, who);
  else
    set_option(fd.get(), IPPROTO_IPV6, kIpv6HeaderIncluded, 1, who);
  set_option(fd.get(), SOL_SOCKET, SO_MARK, kPassingMark, who);
  const tcphdr tcp = tcp_header(c, segment);
  std::vector<uint8_t> packet = ip_header(c, sizeof tcp);
  append(packet, &tcp, sizeof tcp);
  SocketAddress to{};
  if (v4) {
    to.v4.sin_family = AF_INET;
    to.v4.sin_addr.s_addr = c.own[0];
  } else {
    to.v6.sin6_family = AF_INET6;
    memcpy(&to.v6.sin6_addr, c.own.data(), sizeof to.v6.sin6_addr);
    to.v6.sin6_scope_id = scope;
  }
  if (sendto(fd.get(), packet.data(), packet.size(), 0, &to.any, v4 ? sizeof to.v4 : sizeof to.v6) <
      0)
    fail_errno("cannot hand a segment to {}", who);
}

}  // namespace criu::net
