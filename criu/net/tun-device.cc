// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tun-device.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include <cstring>

#include "criu/base/error.h"

namespace criu::net {

namespace {

#ifndef TUNGETDEVNETNS
constexpr unsigned TUNGETDEVNETNS = _IO('T', 227);  // since Linux 5.7
#endif

// What a program asks for in TUNSETIFF.
constexpr uint32_t kAskedFor = IFF_TUN | IFF_TAP | IFF_NAPI | IFF_NAPI_FRAGS | IFF_NO_PI |
                               IFF_ONE_QUEUE | IFF_VNET_HDR | IFF_MULTI_QUEUE;

int read_number(int fd, unsigned long request, const std::string& who) {
  int value = 0;
  if (ioctl(fd, request, &value) < 0) fail_errno("{}: the kernel does not tell of its device", who);
  return value;
}

bool is_own_namespace(int fd, unsigned request, const std::string& who) {
  const UniqueFd ns(ioctl(fd, request));
  struct stat its {
  }, own{};
  if (!ns || fstat(ns.get(), &its) < 0 || stat("/proc/self/ns/net", &own) < 0)
    fail_errno("{}: the kernel does not tell its network namespace", who);
  return its.st_dev == own.st_dev && its.st_ino == own.st_ino;
}

void set_number(int fd, unsigned long request, int value, const char* what,
                const std::string& device) {
  if (ioctl(fd, request, &value) < 0)
    fail_errno("cannot set {} of the network device {}", what, device);
}
void set_value(int fd, unsigned long request, unsigned long value, const char* what,
               const std::string& device) {
  if (ioctl(fd, request, value) < 0)
    fail_errno("cannot set {} of the network device {}", what, device);
}

ifreq named(const std::string& device, uint32_t flags) {
  ifreq request{};
  strncpy(request.ifr_name, device.c_str(), IFNAMSIZ - 1);
  request.ifr_flags = static_cast<short>(flags);
  return request;
}

// TUNGETFILTER gives the length of a program, and where it was in the memory of who has attached
// it. One that was taken off since is told as well: IFF_NOFILTER would say so, but is the same bit
// as IFF_NO_PI.
void refuse_filter(int fd, const std::string& who, const TunQueue& queue) {
  sock_fprog program{};
  if ((queue.flags & IFF_TAP) == 0) return;
  // EBADFD: the queue is detached, and its device keeps the filter.
  if (ioctl(fd, TUNGETFILTER, &program) < 0 && errno != EBADFD)
    fail_errno("{}: the kernel does not tell of packet filters", who);
  if (program.len == 0) return;
  fail(
      "{}: the device {} has, or has had, a packet filter (TUNATTACHFILTER), which cannot be read: "
      "not supported yet",
      who, queue.device);
}

}  // namespace

TunQueue look_at_tun(int fd, const std::string& who) {
  TunQueue queue;
  ifreq request{};
  if (ioctl(fd, TUNGETIFF, &request) < 0) {
    if (errno != EBADFD) fail_errno("{}: the kernel does not tell its device", who);
    return queue;
  }
  queue.device.assign(request.ifr_name, strnlen(request.ifr_name, IFNAMSIZ));
  queue.flags = static_cast<uint16_t>(request.ifr_flags);
  queue.is_off = (queue.flags & IFF_DETACH_QUEUE) != 0;
  return queue;
}

void check_tun_namespace(int fd, const std::string& who) {
  if (!is_own_namespace(fd, SIOCGSKNS, who))
    fail("{}: it was opened in another network namespace: not supported yet", who);
}

void read_tun(int fd, const std::string& who, TunLinkEntry& entry) {
  const TunQueue queue = look_at_tun(fd, who);
  if (!is_own_namespace(fd, TUNGETDEVNETNS, who))
    fail("{}: its device {} was moved to another network namespace: not supported yet", who,
         queue.device);
  refuse_filter(fd, who, queue);
  int big_endian = 0;  // EINVAL where the kernel knows no such thing
  if (ioctl(fd, TUNGETVNETBE, &big_endian) == 0 && big_endian != 0)
    fail("{}: big-endian headers (TUNSETVNETBE) are not supported yet", who);
  entry.flags = queue.flags & (kAskedFor | IFF_PERSIST) & ~uint32_t{IFF_NO_PI};
  entry.vnethdr = static_cast<uint32_t>(read_number(fd, TUNGETVNETHDRSZ, who));
  entry.sndbuf = static_cast<uint32_t>(read_number(fd, TUNGETSNDBUF, who));
  entry.owner = entry.group = -1;
}

UniqueFd open_tun(int flags) {
  return open_path("/dev/net/tun", flags & O_ACCMODE);
}

void attach_tun(int fd, const NetDeviceEntry& device, uint32_t index, bool is_new) {
  if (index != 0 && ioctl(fd, TUNSETIFINDEX, &index) < 0)
    fail_errno("cannot choose a number for the network device {}", device.name);
  ifreq request =
      named(device.name, (device.tun->flags & kAskedFor) | (is_new ? unsigned{IFF_TUN_EXCL} : 0));
  if (ioctl(fd, TUNSETIFF, &request) < 0)
    fail_errno("cannot {} the network device {}", is_new ? "make" : "attach to", device.name);
}

void set_tun(int fd, const NetDeviceEntry& device) {
  const TunLinkEntry& tun = *device.tun;
  set_number(fd, TUNSETVNETHDRSZ, static_cast<int>(tun.vnethdr), "the size of headers",
             device.name);
  set_number(fd, TUNSETSNDBUF, static_cast<int>(tun.sndbuf), "the send buffer", device.name);
  if (device.has_carrier)
    set_number(fd, TUNSETCARRIER, device.carrier ? 1 : 0, "the carrier", device.name);
}

void set_tun_owner(int fd, const NetDeviceEntry& device) {
  const TunLinkEntry& tun = *device.tun;
  if (tun.owner != -1)
    set_value(fd, TUNSETOWNER, static_cast<uint32_t>(tun.owner), "the owner", device.name);
  if (tun.group != -1)
    set_value(fd, TUNSETGROUP, static_cast<uint32_t>(tun.group), "the group", device.name);
}

void switch_tun_off(int fd, const std::string& device) {
  ifreq request = named(device, IFF_DETACH_QUEUE);
  if (ioctl(fd, TUNSETQUEUE, &request) < 0)
    fail_errno("cannot switch off a queue of the network device {}", device);
}

void set_tun_persistent(int fd, bool on, const std::string& device) {
  set_value(fd, TUNSETPERSIST, on ? 1 : 0, "whether it stays", device);
}

}  // namespace criu::net
