// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/net-link.h"

#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netlink/errno.h>

#include <algorithm>
#include <array>
#include <new>

#include "criu/base/error.h"
#include "criu/base/log.h"

namespace criu::net {

namespace {

// What may be set of the flags of a device.
constexpr uint32_t kSettable = IFF_UP | IFF_PROMISC | IFF_ALLMULTI | IFF_NOARP | IFF_MULTICAST;

template <size_t N>
using Attributes = std::array<nlattr*, N + 1>;

template <size_t N>
Attributes<N> parse(nlattr* nest) {
  Attributes<N> found{};
  if (nest != nullptr) nla_parse_nested(found.data(), N, nest, nullptr);
  return found;
}

uint32_t u32(const nlattr* a) {
  return a != nullptr && nla_len(a) >= static_cast<int>(sizeof(uint32_t)) ? nla_get_u32(a) : 0;
}
bool is_set(const nlattr* a) {
  return a != nullptr && nla_len(a) >= 1 && nla_get_u8(a) != 0;
}
std::string text(const nlattr* a) {
  return a != nullptr ? std::string(nla_get_string(a)) : std::string();
}

NetLink::Tun read_tun(nlattr* data) {
  const auto a = parse<IFLA_TUN_MAX>(data);
  NetLink::Tun tun;
  tun.is_tap = a[IFLA_TUN_TYPE] != nullptr && nla_get_u8(a[IFLA_TUN_TYPE]) == IFF_TAP;
  tun.has_packet_info = is_set(a[IFLA_TUN_PI]);
  tun.has_vnet_header = is_set(a[IFLA_TUN_VNET_HDR]);
  tun.is_persistent = is_set(a[IFLA_TUN_PERSIST]);
  tun.has_queues = is_set(a[IFLA_TUN_MULTI_QUEUE]);
  if (a[IFLA_TUN_OWNER] != nullptr) tun.owner = u32(a[IFLA_TUN_OWNER]);
  if (a[IFLA_TUN_GROUP] != nullptr) tun.group = u32(a[IFLA_TUN_GROUP]);
  tun.queues = u32(a[IFLA_TUN_NUM_QUEUES]) + u32(a[IFLA_TUN_NUM_DISABLED_QUEUES]);
  return tun;
}

std::optional<uint8_t> read_gen_mode(nlattr* families) {
  const auto inet6 = parse<IFLA_INET6_MAX>(parse<AF_INET6>(families)[AF_INET6]);
  const nlattr* mode = inet6[IFLA_INET6_ADDR_GEN_MODE];
  if (mode == nullptr) return std::nullopt;
  return nla_get_u8(mode);
}

std::optional<NetLink> read_link(RouteMessage& message) {
  const auto* info = message.body<ifinfomsg>();
  Attributes<IFLA_MAX> a{};
  if (info == nullptr || message.header()->nlmsg_type != RTM_NEWLINK ||
      nlmsg_parse(message.header(), sizeof *info, a.data(), IFLA_MAX, nullptr) < 0)
    return std::nullopt;
  NetLink link;
  link.index = static_cast<uint32_t>(info->ifi_index);
  link.type = info->ifi_type;
  link.flags = info->ifi_flags;
  link.name = text(a[IFLA_IFNAME]);
  link.mtu = u32(a[IFLA_MTU]);
  link.queue_length = u32(a[IFLA_TXQLEN]);
  if (const nlattr* address = a[IFLA_ADDRESS]; address != nullptr) {
    const auto* bytes = static_cast<const uint8_t*>(nla_data(address));
    link.address.assign(bytes, bytes + nla_len(address));
  }
  link.master = u32(a[IFLA_MASTER]);
  if (a[IFLA_LINK_NETNSID] == nullptr) link.below = u32(a[IFLA_LINK]);
  link.gen_mode = read_gen_mode(a[IFLA_AF_SPEC]);
  link.has_carrier = is_set(a[IFLA_CARRIER]);
  link.has_xdp = is_set(parse<IFLA_XDP_MAX>(a[IFLA_XDP])[IFLA_XDP_ATTACHED]);
  const auto kind = parse<IFLA_INFO_MAX>(a[IFLA_LINKINFO]);
  link.kind = text(kind[IFLA_INFO_KIND]);
  if (link.kind == "tun") link.tun = read_tun(kind[IFLA_INFO_DATA]);
  return link;
}

NewMessage set_link(uint32_t index, uint32_t flags, uint32_t change) {
  ifinfomsg info{};
  info.ifi_index = static_cast<int>(index);
  info.ifi_flags = flags, info.ifi_change = change;
  NewMessage message = new_message(RTM_SETLINK, 0);
  if (nlmsg_append(message.get(), &info, sizeof info, NLMSG_ALIGNTO) < 0) throw std::bad_alloc();
  return message;
}

void put(nl_msg* message, int attribute, const void* data, size_t size) {
  if (nla_put(message, attribute, static_cast<int>(size), data) < 0) throw std::bad_alloc();
}

void put_gen_mode(nl_msg* message, uint8_t mode) {
  nlattr* families = nla_nest_start(message, IFLA_AF_SPEC);
  nlattr* inet6 = families != nullptr ? nla_nest_start(message, AF_INET6) : nullptr;
  if (inet6 == nullptr) throw std::bad_alloc();
  put(message, IFLA_INET6_ADDR_GEN_MODE, &mode, sizeof mode);
  nla_nest_end(message, inet6);
  nla_nest_end(message, families);
}

void must(RouteSocket& socket, const NewMessage& message, const NetDeviceEntry& device,
          const char* what) {
  if (const int e = socket.change(message.get()); e < 0)
    fail("cannot set {} of the network device {}: {}", what, device.name, nl_geterror(e));
}

bool has_inet6(RouteSocket& socket, uint32_t index) {
  const std::vector<NetLink> links = read_links(socket);
  const NetLink* link = find_link(links, index);
  return link != nullptr && link->gen_mode.has_value();
}

}  // namespace

std::vector<NetLink> read_links(RouteSocket& socket) {
  std::vector<NetLink> links;
  for (RouteMessage& message : socket.list(RTM_GETLINK, AF_UNSPEC, "the network devices"))
    if (auto link = read_link(message)) links.push_back(std::move(*link));
  return links;
}

const NetLink* find_link(const std::vector<NetLink>& links, const std::string& name) {
  const auto it = std::ranges::find(links, name, &NetLink::name);
  return it != links.end() ? &*it : nullptr;
}

const NetLink* find_link(const std::vector<NetLink>& links, uint32_t index) {
  const auto it = std::ranges::find(links, index, &NetLink::index);
  return it != links.end() ? &*it : nullptr;
}

// Once up it would give itself an IPv6 address, another one than it had.
void configure_link(RouteSocket& socket, const NetDeviceEntry& device, uint32_t index) {
  NewMessage message = set_link(index, 0, 0);
  put(message.get(), IFLA_MTU, &device.mtu, sizeof device.mtu);
  if (device.has_address && device.address.len != 0)
    put(message.get(), IFLA_ADDRESS, device.address.data, device.address.len);
  if (device.has_tx_queue_len)
    put(message.get(), IFLA_TXQLEN, &device.tx_queue_len, sizeof device.tx_queue_len);
  must(socket, message, device, "the MTU and address");
  if (has_inet6(socket, index)) {
    message = set_link(index, 0, 0);
    put_gen_mode(message.get(), IN6_ADDR_GEN_MODE_NONE);
    must(socket, message, device, "the IPv6 mode");
  }
  if (device.has_master && device.master != 0) {
    message = set_link(index, 0, 0);
    put(message.get(), IFLA_MASTER, &device.master, sizeof device.master);
    must(socket, message, device, "the bridge");
  }
  must(socket, set_link(index, device.flags & kSettable, kSettable), device, "the flags");
}

void finish_link(RouteSocket& socket, const NetDeviceEntry& device, uint32_t index) {
  if (!device.has_addr_gen_mode || !has_inet6(socket, index)) return;
  NewMessage message = set_link(index, 0, 0);
  put_gen_mode(message.get(), static_cast<uint8_t>(device.addr_gen_mode));
  if (const int e = socket.change(message.get()); e < 0)
    log::warn("Network device {}: it does not get its way to make IPv6 addresses: {}", device.name,
              nl_geterror(e));
}

}  // namespace criu::net
