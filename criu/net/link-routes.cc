// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/link-routes.h"

#include <linux/if_addr.h>
#include <net/if.h>
#include <netlink/errno.h>
#include <netlink/netlink.h>

#include <algorithm>
#include <new>

#include "criu/base/error.h"
#include "criu/base/log.h"

namespace criu::net {

namespace {

// What `ip addr save` and `ip route save` begin with.
constexpr uint32_t kAddressMagic = 0x47361222, kRouteMagic = 0x45311224;
constexpr uint32_t kMaxMessage = 64 * 1024;

// An address: what it is of, and whether somebody gave it to the device.
uint32_t device_of_address(RouteMessage& message) {
  const auto* a = message.body<ifaddrmsg>();
  if (a == nullptr || message.header()->nlmsg_type != RTM_NEWADDR) return 0;
  return (a->ifa_flags & IFA_F_TEMPORARY) != 0 && a->ifa_family == AF_INET6 ? 0 : a->ifa_index;
}

// A route by one device that is neither the kernel's own nor learned from a router.
uint32_t device_of_route(RouteMessage& message) {
  const auto* r = message.body<rtmsg>();
  if (r == nullptr || message.header()->nlmsg_type != RTM_NEWROUTE) return 0;
  if ((r->rtm_flags & RTM_F_CLONED) != 0 || r->rtm_protocol == RTPROT_KERNEL ||
      r->rtm_protocol == RTPROT_RA || r->rtm_protocol == RTPROT_REDIRECT)
    return 0;
  const nlattr* device = message.find<rtmsg>(RTA_OIF);
  return device != nullptr && nla_len(device) >= static_cast<int>(sizeof(uint32_t))
             ? nla_get_u32(device)
             : 0;
}

using DeviceOf = uint32_t (*)(RouteMessage&);

void write_messages(const image::Directory& dir, image::Kind kind, uint32_t ns_id, uint32_t magic,
                    const std::set<uint32_t>& devices, DeviceOf device_of,
                    std::vector<RouteMessage> all) {
  image::Writer img(dir, kind, ns_id);
  img.write_raw(&magic, sizeof magic);
  for (RouteMessage& message : all) {
    if (!devices.contains(device_of(message))) continue;
    std::vector<uint8_t> bytes = message.bytes();
    bytes.resize(NLMSG_ALIGN(bytes.size()));
    img.write_raw(bytes.data(), bytes.size());
  }
  img.close();
}

std::vector<RouteMessage> read_messages(const image::Directory& dir, image::Kind kind,
                                        uint32_t ns_id, uint32_t magic) {
  std::vector<RouteMessage> all;
  image::Reader img(dir, kind, ns_id);
  uint32_t found = 0;
  img.read_raw(&found, sizeof found);
  if (found != magic)
    fail("{} is not what its name says: magic {:#x} where {:#x} belongs", img.name(), found, magic);
  while (img.left() != 0) {
    nlmsghdr header{};
    img.read_raw(&header, sizeof header);
    if (header.nlmsg_len < sizeof header || header.nlmsg_len > kMaxMessage)
      fail("{}: a message of {} bytes is impossible", img.name(), header.nlmsg_len);
    std::vector<uint8_t> bytes(NLMSG_ALIGN(header.nlmsg_len));
    std::copy_n(reinterpret_cast<const uint8_t*>(&header), sizeof header, bytes.begin());
    img.read_raw(bytes.data() + sizeof header, bytes.size() - sizeof header);
    all.emplace_back(std::move(bytes));
  }
  return all;
}

void set_flags(nlattr* flags, uint32_t set, uint32_t take) {
  if (flags == nullptr || nla_len(flags) < static_cast<int>(sizeof(uint32_t))) return;
  auto* value = static_cast<uint32_t*>(nla_data(flags));
  *value = (*value | set) & ~take;
}

// Nobody else had an IPv6 address a moment ago, and what is bound to it is made next: it is not
// looked for (IFA_F_NODAD).
void send_address(RouteSocket& socket, RouteMessage message, uint32_t index,
                  const std::string& name) {
  auto* address = message.body<ifaddrmsg>();
  address->ifa_index = index;
  if (address->ifa_family == AF_INET6)
    set_flags(message.find<ifaddrmsg>(IFA_FLAGS), IFA_F_NODAD, IFA_F_TENTATIVE | IFA_F_DADFAILED);
  NewMessage request(nlmsg_convert(message.header()), nlmsg_free);
  if (!request) throw std::bad_alloc();
  nlmsghdr* header = nlmsg_hdr(request.get());
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE | NLM_F_REPLACE;
  header->nlmsg_seq = 0, header->nlmsg_pid = 0;
  if (const int e = socket.change(request.get()); e < 0)
    fail("cannot give the network device {} its address: {}", name, nl_geterror(e));
}

// What the kernel has made by itself is there already.
void send_route(RouteSocket& socket, RouteMessage message, uint32_t index,
                const std::string& name) {
  message.body<rtmsg>()->rtm_flags &= RTNH_F_PERVASIVE | RTNH_F_ONLINK;
  *static_cast<uint32_t*>(nla_data(message.find<rtmsg>(RTA_OIF))) = index;
  NewMessage request(nlmsg_convert(message.header()), nlmsg_free);
  if (!request) throw std::bad_alloc();
  nlmsghdr* header = nlmsg_hdr(request.get());
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_CREATE;
  header->nlmsg_seq = 0, header->nlmsg_pid = 0;
  if (const int e = socket.change(request.get()); e < 0 && e != -NLE_EXIST)
    fail("cannot make a route by the network device {} again: {}", name, nl_geterror(e));
}

}  // namespace

void write_addresses_and_routes(RouteSocket& socket, const image::Directory& dir, uint32_t ns_id,
                                const std::set<uint32_t>& devices) {
  write_messages(dir, image::Kind::kIfaddr, ns_id, kAddressMagic, devices, device_of_address,
                 socket.list(RTM_GETADDR, AF_UNSPEC, "the addresses of network devices"));
  write_messages(dir, image::Kind::kRoute, ns_id, kRouteMagic, devices, device_of_route,
                 socket.list(RTM_GETROUTE, AF_INET, "the IPv4 routes"));
  write_messages(dir, image::Kind::kRoute6, ns_id, kRouteMagic, devices, device_of_route,
                 socket.list(RTM_GETROUTE, AF_INET6, "the IPv6 routes"));
}

LinkRoutes::LinkRoutes(const image::Directory& dir, uint32_t ns_id)
    : addresses_(read_messages(dir, image::Kind::kIfaddr, ns_id, kAddressMagic)),
      routes_(read_messages(dir, image::Kind::kRoute, ns_id, kRouteMagic)) {
  for (RouteMessage& message : read_messages(dir, image::Kind::kRoute6, ns_id, kRouteMagic))
    routes_.push_back(std::move(message));
}

// A route by a gateway can be made when there is one to the gateway.
void LinkRoutes::give(RouteSocket& socket, uint32_t stored, uint32_t index,
                      const std::string& name) {
  for (RouteMessage& address : addresses_)
    if (device_of_address(address) == stored) send_address(socket, address, index, name);
  for (const bool by_gateway : {false, true})
    for (RouteMessage& route : routes_)
      if (device_of_route(route) == stored && (route.find<rtmsg>(RTA_GATEWAY) != nullptr ||
                                               route.find<rtmsg>(RTA_VIA) != nullptr) == by_gateway)
        send_route(socket, route, index, name);
}

}  // namespace criu::net
