// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>

#include "criu/base/fd.h"
#include "criu/image/image-file.h"

namespace criu::net {

// Descriptors of /dev/net/tun, and the devices that they drive: linux/if_tun.h.

// What one tells of itself.
struct TunQueue {
  std::string device;  // empty: of none
  bool is_off = false;
  uint32_t flags = 0;  // IFF_* of the device; of IFF_NO_PI it does not tell for certain
};
TunQueue look_at_tun(int fd, const std::string& who);

// Of one that has a device: what the kernel tells of that by descriptors alone. Throws Error for
// what cannot be read, or is in another network namespace.
void read_tun(int fd, const std::string& who, TunLinkEntry& entry);
// The same for one that has none.
void check_tun_namespace(int fd, const std::string& who);

UniqueFd open_tun(int flags);
// Makes it a queue of the device. index: the number of a device to be made, or 0 to leave that to
// the kernel; is_new: refuses one that is there. Throws Error.
void attach_tun(int fd, const NetDeviceEntry& device, uint32_t index, bool is_new);
// Gives a device, by one of its queues, what read_tun() has told, and its carrier;
void set_tun(int fd, const NetDeviceEntry& device);
// and whose it is.
void set_tun_owner(int fd, const NetDeviceEntry& device);
void switch_tun_off(int fd, const std::string& device);
void set_tun_persistent(int fd, bool on, const std::string& device);

}  // namespace criu::net
