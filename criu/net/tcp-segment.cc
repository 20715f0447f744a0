// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tcp-segment.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <cstring>
#include <vector>

#include "criu/net/raw-packet.h"

namespace criu::net {

namespace {

constexpr uint16_t kWindow = 0xffff;

}  // namespace

void receive_segment(const Connection& c, const Segment& segment, uint32_t scope,
                     const std::string& who) {
  RawHeader header;
  header.from = c.peer, header.to = c.own;
  header.scope = scope, header.protocol = IPPROTO_TCP;
  tcphdr tcp{};
  tcp.source = htons(c.peer_port), tcp.dest = htons(c.own_port);
  tcp.seq = htonl(segment.sequence), tcp.ack_seq = htonl(segment.acknowledges);
  tcp.doff = sizeof tcp / 4;
  tcp.ack = 1, tcp.fin = segment.fin ? 1 : 0;
  tcp.window = htons(kWindow);
  std::vector<uint8_t> payload;
  append(payload, &tcp, sizeof tcp);
  tcp.check = checksum_of(header, payload);
  memcpy(payload.data(), &tcp, sizeof tcp);
  RawSender(c.own.size() == 1, who).send(header, payload);
}

}  // namespace criu::net
