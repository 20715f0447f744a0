// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <set>
#include <vector>

#include "criu/image/image-file.h"
#include "criu/net/route-socket.h"

namespace criu::net {

// What goes away with a network device: its addresses, and the routes by it. In the images it
// stands as the kernel tells it and `ip addr save`, `ip route save` write it, in ifaddr-<id>.img,
// route-<id>.img and route6-<id>.img. What the kernel makes itself is left out.

// Of the devices of these numbers.
void write_addresses_and_routes(RouteSocket& socket, const image::Directory& dir, uint32_t ns_id,
                                const std::set<uint32_t>& devices);

// Those of one namespace in the images, read and checked.
class LinkRoutes {
 public:
  LinkRoutes(const image::Directory& dir, uint32_t ns_id);

  // Gives a device, which is up, what was that of the number `stored`. Throws Error.
  void give(RouteSocket& socket, uint32_t stored, uint32_t index, const std::string& name);

 private:
  std::vector<RouteMessage> addresses_, routes_;
};

}  // namespace criu::net
