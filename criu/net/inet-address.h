// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdint>
#include <vector>

#include "criu/image/message.h"

namespace criu::net {

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

// An address of either family, as the images have it: words in network order.
struct InetAddress {
  std::vector<uint32_t> words;
  uint32_t port = 0;
};

// scope: set where there is one, ipv6(7) sin6_scope_id.
InetAddress inet_address_of(const SocketAddress& a, uint32_t& scope);

// The address of an entry, by its words there. size: of what is filled in.
SocketAddress socket_address(const InetSkEntry& entry, const uint32_t* words, uint32_t port,
                             socklen_t& size);

// The words of an entry's address: none (0.0.0.0, ::); 127.0.0.0/8 or ::1, also inside IPv6.
bool is_any(const uint32_t* words, size_t count);
bool is_loopback(const uint32_t* words, size_t count);

// The words of an entry, shortened to the one of an IPv4 address inside an IPv6 one.
std::vector<uint32_t> plain_words(const uint32_t* words, size_t count);

}  // namespace criu::net
