// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/raw-packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <sys/socket.h>

#include <cstring>

#include "criu/base/error.h"
#include "criu/net/inet-address.h"
#include "criu/net/network-lock.h"
#include "criu/net/socket-options.h"

namespace criu::net {

namespace {

// The kernel fills in the identification and the checksum: raw(7).
void append_header_v4(std::vector<uint8_t>& bytes, const RawHeader& h, size_t payload) {
  iphdr ip{};
  ip.version = 4, ip.ihl = sizeof ip / 4;
  ip.ttl = h.hops, ip.tos = h.traffic_class, ip.protocol = h.protocol;
  ip.tot_len = htons(static_cast<uint16_t>(sizeof ip + payload));
  ip.saddr = h.from[0], ip.daddr = h.to[0];
  append(bytes, &ip, sizeof ip);
}

void append_header_v6(std::vector<uint8_t>& bytes, const RawHeader& h, size_t payload) {
  ip6_hdr ip{};
  ip.ip6_flow = htonl(6U << 28 | uint32_t{h.traffic_class} << 20);
  ip.ip6_plen = htons(static_cast<uint16_t>(payload));
  ip.ip6_nxt = h.protocol, ip.ip6_hlim = h.hops;
  memcpy(&ip.ip6_src, h.from.data(), sizeof ip.ip6_src);
  memcpy(&ip.ip6_dst, h.to.data(), sizeof ip.ip6_dst);
  append(bytes, &ip, sizeof ip);
}

}  // namespace

void append(std::vector<uint8_t>& bytes, const void* data, size_t size) {
  const auto* from = static_cast<const uint8_t*>(data);
  bytes.insert(bytes.end(), from, from + size);
}

uint16_t checksum_of(const RawHeader& h, const std::vector<uint8_t>& payload) {
  // The pseudo header: addresses, length and protocol, as 32-bit words in either family.
  std::vector<uint8_t> summed;
  append(summed, h.from.data(), h.from.size() * sizeof(uint32_t));
  append(summed, h.to.data(), h.to.size() * sizeof(uint32_t));
  const uint32_t tail[] = {htonl(static_cast<uint32_t>(payload.size())), htonl(h.protocol)};
  append(summed, tail, sizeof tail);
  append(summed, payload.data(), payload.size());
  if (summed.size() % 2 != 0) summed.push_back(0);
  uint32_t sum = 0;
  for (size_t i = 0; i < summed.size(); i += 2)
    sum += static_cast<uint32_t>(summed[i] << 8 | summed[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return htons(static_cast<uint16_t>(~sum));
}

// Sockets of IPPROTO_RAW have the header included, and receive nothing.
RawSender::RawSender(bool v4, std::string who)
    : who_(std::move(who)),
      fd_(socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)) {
  if (!fd_) fail_errno("cannot make a raw socket for {}", who_);
  set_option(fd_.get(), SOL_SOCKET, SO_MARK, kPassingMark, who_);
}

void RawSender::send(const RawHeader& h, const std::vector<uint8_t>& payload) const {
  std::vector<uint8_t> packet;
  SocketAddress to{};
  socklen_t size = sizeof to.v6;
  if (h.to.size() == 1) {
    append_header_v4(packet, h, payload.size());
    to.v4.sin_family = AF_INET;
    to.v4.sin_addr.s_addr = h.to[0];
    size = sizeof to.v4;
  } else {
    append_header_v6(packet, h, payload.size());
    to.v6.sin6_family = AF_INET6;
    memcpy(&to.v6.sin6_addr, h.to.data(), sizeof to.v6.sin6_addr);
    to.v6.sin6_scope_id = h.scope;
  }
  append(packet, payload.data(), payload.size());
  if (sendto(fd_.get(), packet.data(), packet.size(), 0, &to.any, size) < 0)
    fail_errno("cannot hand {} what was sent to it", who_);
}

}  // namespace criu::net
