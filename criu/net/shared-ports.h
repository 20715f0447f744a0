// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "criu/net/inet-restore.h"

namespace criu::net {

// Sockets without connections (UDP, UDP-Lite and ICMP) that have a port in common with others of
// the tree.
//
// Of several with SO_REUSEPORT the kernel chooses by a hash of who sends, and by their numbers,
// which they have in the order in which they were bound (net/core/sock_reuseport.c): a sender keeps
// the socket that it had if they are bound in that order again.

// For a dump: notes that order.
class BindOrder {
 public:
  void add(InetSkEntry& entry);
  // When all are known. Warns where the kernel does not tell.
  void note();

 private:
  std::vector<InetSkEntry*> entries_;
};

// For a restore: makes all that have one port together, in that order. They may have it by options
// that they have no more, and are bound as if they had them; but to nobody else.
//
//   SharedPorts ports;
//   file = ports.add(context, std::move(socket));  // for each
//   ports.make(context);
class SharedPorts {
 public:
  std::unique_ptr<files::RestoredFile> add(files::RestoreContext& context,
                                           std::unique_ptr<RestoredInet> socket);
  // One that is given as it is.
  void add_given(const InetSkEntry& entry);
  // Throws Error where others have such a port, and should not.
  void make(files::RestoreContext& context);

 private:
  class Member;
  struct Port {
    uint32_t protocol, number;
    auto operator<=>(const Port&) const = default;
  };
  struct Group {
    std::vector<Member*> members;
    bool is_given = false;  // one of them
  };

  static bool can_share(const InetSkEntry& entry);
  static void make(Group& group, const ServiceFds& fds);

  std::map<Port, Group> groups_;
};

}  // namespace criu::net
