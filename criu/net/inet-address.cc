// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/inet-address.h"

#include <arpa/inet.h>
#include <net/if.h>

#include <algorithm>
#include <cstring>

namespace criu::net {

InetAddress inet_address_of(const SocketAddress& a, uint32_t& scope) {
  InetAddress address;
  if (a.any.sa_family == AF_INET) {
    address.words = {a.v4.sin_addr.s_addr};
    address.port = ntohs(a.v4.sin_port);
  } else {
    address.words.resize(4);
    memcpy(address.words.data(), &a.v6.sin6_addr, sizeof a.v6.sin6_addr);
    address.port = ntohs(a.v6.sin6_port);
    scope = a.v6.sin6_scope_id;
  }
  return address;
}

SocketAddress socket_address(const InetSkEntry& entry, const uint32_t* words, uint32_t port,
                             socklen_t& size) {
  SocketAddress a{};
  if (entry.family == AF_INET) {
    a.v4.sin_family = AF_INET;
    a.v4.sin_port = htons(static_cast<uint16_t>(port));
    a.v4.sin_addr.s_addr = words[0];
    size = sizeof a.v4;
  } else {
    a.v6.sin6_family = AF_INET6;
    a.v6.sin6_port = htons(static_cast<uint16_t>(port));
    memcpy(&a.v6.sin6_addr, words, sizeof a.v6.sin6_addr);
    a.v6.sin6_scope_id = entry.ifname == nullptr ? 0 : if_nametoindex(entry.ifname);
    size = sizeof a.v6;
  }
  return a;
}

bool is_any(const uint32_t* words, size_t count) {
  return std::all_of(words, words + count, [](uint32_t word) { return word == 0; });
}

bool is_loopback(const uint32_t* words, size_t count) {
  const std::vector<uint32_t> plain = plain_words(words, count);
  if (plain.size() == 1) return (ntohl(plain[0]) >> IN_CLASSA_NSHIFT) == IN_LOOPBACKNET;
  return memcmp(plain.data(), &in6addr_loopback, sizeof in6addr_loopback) == 0;
}

std::vector<uint32_t> plain_words(const uint32_t* words, size_t count) {
  if (count == 4 && words[0] == 0 && words[1] == 0 && words[2] == htonl(0xffff)) return {words[3]};
  return {words, words + count};
}

}  // namespace criu::net
