// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "criu/image/message.h"

namespace criu::net {

// The multicast groups that internet sockets have joined, and which sources they want of them
// (ip(7), IP_ADD_MEMBERSHIP and the others): stored as options to be set in that order.
//
// The kernel does not tell them by socket. It tells which groups each interface is in, and of each
// the socket is asked whether it has joined that. No task may join or leave one meanwhile.
class MulticastGroups {
 public:
  // Adds those of the socket to the options of its entry. what: for the message of the Error.
  void add_memberships(image::Arena& arena, InetSkEntry& entry, int fd, const std::string& what);

 private:
  struct Group {
    uint32_t interface = 0;
    sockaddr_storage address{};
  };
  static std::vector<Group> read_groups();
  static std::vector<Group> read_groups6();
  // What the socket lets through of the group; empty where it is not a member.
  static std::vector<uint8_t> ask(int fd, int level, const Group& group, const std::string& what);

  std::optional<std::vector<Group>> groups_, groups6_;  // of all interfaces, read when needed
};

}  // namespace criu::net
