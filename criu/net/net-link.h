// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "criu/image/image-file.h"
#include "criu/net/route-socket.h"

namespace criu::net {

// A network device, as rtnetlink(7) tells of it.
struct NetLink {
  // What only those have that /dev/net/tun has made.
  struct Tun {
    bool is_tap = false, has_packet_info = false, has_vnet_header = false;
    bool is_persistent = false, has_queues = false;  // IFF_MULTI_QUEUE
    std::optional<uint32_t> owner, group;
    uint32_t queues = 0;  // where it has many: also those that are switched off
  };
  uint32_t index = 0;
  std::string name, kind;  // "tun", "bridge", empty for most hardware
  uint16_t type = 0;       // ARPHRD_*
  uint32_t flags = 0, mtu = 0, queue_length = 0;
  std::vector<uint8_t> address;
  uint32_t master = 0;              // the bridge or the like that it is a port of
  uint32_t below = 0;               // the device that it stands on, in this namespace
  std::optional<uint8_t> gen_mode;  // of IPv6 addresses; nothing where it has no IPv6
  bool has_carrier = false, has_xdp = false;
  std::optional<Tun> tun;
};

std::vector<NetLink> read_links(RouteSocket& socket);
const NetLink* find_link(const std::vector<NetLink>& links, const std::string& name);
const NetLink* find_link(const std::vector<NetLink>& links, uint32_t index);

// What a new device is to be like, in two steps: before it is up, and, when it has its addresses
// and routes, what would have given it others. Throws Error naming the device.
void configure_link(RouteSocket& socket, const NetDeviceEntry& device, uint32_t index);
void finish_link(RouteSocket& socket, const NetDeviceEntry& device, uint32_t index);

}  // namespace criu::net
