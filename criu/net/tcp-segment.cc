// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tcp-segment.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include <vector>

#include "criu/base/error.h"
#include "criu/net/raw-packet.h"

namespace criu::net {

namespace {

constexpr uint16_t kWindow = 0xffff;

uint8_t flags_of(const Segment& segment) {
  unsigned flags = TH_ACK;
  if (segment.fin) flags |= TH_FIN;
  if (segment.reset) flags |= TH_RST;
  if (segment.urgent) flags |= TH_URG;
  return static_cast<uint8_t>(flags);
}

}  // namespace

// The kernel takes an urgent pointer of 0 for the first byte, whatever
// /proc/sys/net/ipv4/tcp_stdurg says: tcp_check_urg() of net/ipv4/tcp_input.c.
void receive_segment(const Connection& c, const Segment& segment, uint32_t scope,
                     const std::string& who) {
  RawHeader header;
  header.from = c.peer, header.to = c.own;
  header.scope = scope, header.protocol = IPPROTO_TCP;
  header.hops = 255;  // none is too few for IP_MINTTL and IPV6_MINHOPCOUNT (RFC 5082)
  const TcpHeader tcp{c.peer_port,          c.own_port,        segment.sequence,
                      segment.acknowledges, flags_of(segment), kWindow};
  std::vector<uint8_t> data;
  if (segment.urgent) data.push_back(*segment.urgent);
  RawSender(c.own.size() == 1, who).send(header, build_segment(header, tcp, data, who));
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
