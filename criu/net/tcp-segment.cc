// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tcp-segment.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <cstring>
#include <vector>

#include "criu/base/error.h"
#include "criu/net/raw-packet.h"

namespace criu::net {

namespace {

constexpr uint16_t kWindow = 0xffff;

}  // namespace

// The kernel takes an urgent pointer of 0 for the first byte, whatever
// /proc/sys/net/ipv4/tcp_stdurg says: tcp_check_urg() of net/ipv4/tcp_input.c.
void receive_segment(const Connection& c, const Segment& segment, uint32_t scope,
                     const std::string& who) {
  RawHeader header;
  header.from = c.peer, header.to = c.own;
  header.scope = scope, header.protocol = IPPROTO_TCP;
  header.hops = 255;  // none is too few for IP_MINTTL and IPV6_MINHOPCOUNT (RFC 5082)
  tcphdr tcp{};
  tcp.source = htons(c.peer_port), tcp.dest = htons(c.own_port);
  tcp.seq = htonl(segment.sequence), tcp.ack_seq = htonl(segment.acknowledges);
  tcp.doff = sizeof tcp / 4;
  tcp.ack = 1, tcp.fin = segment.fin ? 1 : 0, tcp.rst = segment.reset ? 1 : 0;
  tcp.urg = segment.urgent ? 1 : 0;
  tcp.window = htons(kWindow);
  std::vector<uint8_t> payload;
  append(payload, &tcp, sizeof tcp);
  if (segment.urgent) payload.push_back(*segment.urgent);
  tcp.check = checksum_of(header, payload);
  memcpy(payload.data(), &tcp, sizeof tcp);
  RawSender(c.own.size() == 1, who).send(header, payload);
}

void receive_until(const Segment& segment, const Connection& c, uint32_t scope,
                   const std::string& who, const std::function<bool()>& has_come) {
  constexpr int kAttempts = 5, kLooks = 100;
  constexpr useconds_t kPauseUs = 1000;
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    receive_segment(c, segment, scope, who);
    for (int look = 0; look < kLooks; look++) {
      if (has_come()) return;
      usleep(kPauseUs);
    }
  }
  fail("a segment that is handed to {} does not arrive", who);
}

}  // namespace criu::net
