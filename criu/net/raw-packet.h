// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "criu/base/fd.h"

namespace criu::net {

// What an IP packet is to say of itself. Addresses are one word (IPv4) or four, in network order.
struct RawHeader {
  std::vector<uint32_t> from, to;
  uint32_t scope = 0;  // of a link-local `to`, else 0
  uint8_t protocol = 0;
  uint8_t hops = 64, traffic_class = 0;
};

// What a TCP segment is to say, without options. Flags: TH_*, netinet/tcp.h.
struct TcpHeader {
  uint16_t from_port = 0, to_port = 0;
  uint32_t sequence = 0, acknowledges = 0;
  uint8_t flags = 0;
  uint16_t window = 0;
};

void append(std::vector<uint8_t>& bytes, const void* data, size_t size);

// The checksum of UDP and UDP-Lite over payload and the pseudo header, in network order (RFC 1071,
// 8200).
uint16_t checksum_of(const RawHeader& header, const std::vector<uint8_t>& payload);

// Whole packets, by libnet(3). The one of a segment has its checksum. Throw Error naming who.
std::vector<uint8_t> build_packet(const RawHeader& header, const std::vector<uint8_t>& payload,
                                  const std::string& who);
std::vector<uint8_t> build_segment(const RawHeader& header, const TcpHeader& tcp,
                                   std::span<const uint8_t> data, const std::string& who);

// Sends packets with whatever source to addresses of this machine's own: as the route is found by
// the destination when they are sent, they are received as if they came from there. They have the
// mark kPassingMark, by which they pass the network lock. Throws Error naming who.
//
//   const RawSender sender(header.to.size() == 1, who);
//   sender.send(header, build_packet(header, payload, who));
class RawSender {
 public:
  RawSender(bool v4, std::string who);
  // A packet that is lost later is no error. header.to is for the caller to know for its own:
  // anything else would leave the machine.
  void send(const RawHeader& header, const std::vector<uint8_t>& packet) const;

 private:
  std::string who_;
  UniqueFd fd_;
};

}  // namespace criu::net
