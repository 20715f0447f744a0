// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/multicast.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstring>
#include <string>
#include <string_view>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/proc.h"

namespace criu::net {

namespace {

std::string_view next_word(std::string_view& line) {
  line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
  const std::string_view word = line.substr(0, line.find_first_of(" \t"));
  line.remove_prefix(word.size());
  return word;
}

void add(image::Arena& arena, std::vector<InetOptionEntry*>& options, int level, int name,
         const void* value, size_t size) {
  auto* option = arena.make<InetOptionEntry>();
  option->level = static_cast<uint32_t>(level), option->name = static_cast<uint32_t>(name);
  option->value = arena.bytes(value, size);
  options.push_back(option);
}

}  // namespace

// "2\teth0      :     1      V3", and under it "\t\t\t\t010000E0     1 0:00000000\t\t0": the words
// of an address as this processor has them. net/ipv4/igmp.c.
std::vector<MulticastGroups::Group> MulticastGroups::read_groups() {
  std::vector<Group> groups;
  uint32_t interface = 0;
  proc::each_line(read_file("/proc/net/igmp"), [&](std::string_view line) {
    const bool is_group = line.starts_with('\t');
    const std::string_view word = next_word(line);
    if (!is_group) {
      interface = static_cast<uint32_t>(proc::to_u64(word));
      return;
    }
    Group group;
    group.interface = interface;
    auto& address = reinterpret_cast<sockaddr_in&>(group.address);
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = static_cast<uint32_t>(proc::to_u64(word, 16));
    groups.push_back(group);
  });
  return groups;
}

// "2    eth0            ff020000000000000000000000000001     1 0000000C 0": net/ipv6/mcast.c.
std::vector<MulticastGroups::Group> MulticastGroups::read_groups6() {
  constexpr size_t kBytes = sizeof(in6_addr);
  std::vector<Group> groups;
  const auto text = read_file_if_there("/proc/net/igmp6");
  if (!text) return groups;
  proc::each_line(*text, [&](std::string_view line) {
    Group group;
    group.interface = static_cast<uint32_t>(proc::to_u64(next_word(line)));
    next_word(line);
    const std::string_view hex = next_word(line);
    if (hex.size() != 2 * kBytes) return;
    auto& address = reinterpret_cast<sockaddr_in6&>(group.address);
    address.sin6_family = AF_INET6;
    for (size_t i = 0; i < kBytes; i++)
      address.sin6_addr.s6_addr[i] = static_cast<uint8_t>(proc::to_u64(hex.substr(2 * i, 2), 16));
    groups.push_back(group);
  });
  return groups;
}

std::vector<uint8_t> MulticastGroups::ask(int fd, int level, const Group& group,
                                          const std::string& what) {
  uint32_t sources = 0;
  for (;;) {
    std::vector<uint8_t> value(GROUP_FILTER_SIZE(sources));
    auto& filter = *reinterpret_cast<group_filter*>(value.data());
    filter.gf_interface = group.interface;
    filter.gf_group = group.address;
    filter.gf_numsrc = sources;
    auto size = static_cast<socklen_t>(value.size());
    if (getsockopt(fd, level, MCAST_MSFILTER, value.data(), &size) < 0) {
      // ENODEV: the device has gone. ENOPROTOOPT: a raw socket that writes its own headers.
      if (errno == EADDRNOTAVAIL || errno == ENODEV || errno == ENOPROTOOPT) return {};
      fail_errno("cannot read the multicast groups of {}", what);
    }
    if (filter.gf_numsrc <= sources) {
      value.resize(GROUP_FILTER_SIZE(filter.gf_numsrc));
      return value;
    }
    sources = filter.gf_numsrc;
  }
}

void MulticastGroups::add_memberships(image::Arena& arena, InetSkEntry& e, int fd,
                                      const std::string& what) {
  std::vector<InetOptionEntry*> options(e.option, e.option + e.n_option);
  const auto add_those = [&](int level, const std::vector<Group>& groups) {
    for (const Group& group : groups) {
      const std::vector<uint8_t> filter = ask(fd, level, group, what);
      if (filter.empty()) continue;
      group_req join{};
      join.gr_interface = group.interface;
      join.gr_group = group.address;
      add(arena, options, level, MCAST_JOIN_GROUP, &join, sizeof join);
      const auto& wanted = *reinterpret_cast<const group_filter*>(filter.data());
      if (wanted.gf_fmode != MCAST_EXCLUDE || wanted.gf_numsrc != 0)
        add(arena, options, level, MCAST_MSFILTER, filter.data(), filter.size());
    }
  };
  if (!groups_) groups_ = read_groups(), groups6_ = read_groups6();
  add_those(IPPROTO_IP, *groups_);
  if (e.family == AF_INET6) add_those(IPPROTO_IPV6, *groups6_);
  e.n_option = options.size();
  e.option = arena.copy<InetOptionEntry*>(options);
}

}  // namespace criu::net
