// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "criu/base/fd.h"
#include "criu/net/inet-address.h"

namespace criu::net {

// How an IP packet came: to which address, and with what in its header. Where it is not known:
// AF_UNSPEC, and nothing.
struct Arrival {
  SocketAddress to{};
  std::optional<uint32_t> hops;           // TTL, or the hop limit
  std::optional<uint32_t> traffic_class;  // TOS
};

// A message that stands in a socket's queue; of a stream, a part that was sent at once.
struct Packet {
  std::vector<uint8_t> data;
  std::string sender;                // its address, a sockaddr; empty: it has none
  std::optional<ucred> credentials;  // if the receiver wants them (SO_PASSCRED)
  std::vector<UniqueFd> descriptors;
  Arrival arrival;
  uint32_t segment = 0;  // bytes; not 0: these are several datagrams, each that long (UDP_GRO)
};

// An option that makes recvmsg(2) tell more: a number, on or off.
struct Telling {
  int level, name;
};

// All that stands in the queue of a stopped task's socket, and stays there. For the moment that
// takes, the socket has an SO_PEEK_OFF of its own, and the options, which are taken back also if
// this process is killed. Throws Error naming who, also before it would take an error from the task
// that waits to be told (SO_ERROR).
//
// An empty message shows once: one that somebody has peeked at before is passed over, for its
// length moves no offset (__skb_try_recv_from_queue(), net/core/datagram.c).
std::vector<Packet> peek_queue(int fd, const std::string& who,
                               std::span<const Telling> telling = {});

}  // namespace criu::net
