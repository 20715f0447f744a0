// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <linux/packet_diag.h>

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

namespace criu::net {

// What the kernel tells of a packet socket by sock_diag(7), most of it only so: PACKET_SHOW_*.
struct PacketDiag {
  uint16_t protocol = 0;  // as it stands in struct sockaddr_ll
  packet_diag_info info{};
  std::vector<packet_diag_mclist> addresses;
  std::optional<packet_diag_ring> receive, send;
  bool has_fanout = false;
};

// All of the calling thread's network namespace, by inode.
std::map<uint32_t, PacketDiag> read_packet_sockets();

}  // namespace criu::net
