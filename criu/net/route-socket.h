// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

struct nl_sock;

namespace criu::net {

// A message of rtnetlink(7), whole.
class RouteMessage {
 public:
  explicit RouteMessage(const nlmsghdr* header);
  // The bytes of one, header and all; they begin with the length of it.
  explicit RouteMessage(std::vector<uint8_t> bytes) : bytes_(std::move(bytes)) {}

  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(bytes_.data()); }
  const nlmsghdr* header() const { return reinterpret_cast<const nlmsghdr*>(bytes_.data()); }
  const std::vector<uint8_t>& bytes() const { return bytes_; }
  // What a message of the type begins with, ifinfomsg for example; null where it is too short.
  template <typename T>
  T* body() {
    return nlmsg_valid_hdr(header(), sizeof(T)) != 0 ? static_cast<T*>(nlmsg_data(header()))
                                                     : nullptr;
  }
  // An attribute behind it, or null.
  template <typename T>
  nlattr* find(int attribute) {
    return nlmsg_find_attr(header(), sizeof(T), attribute);
  }

 private:
  std::vector<uint8_t> bytes_;
};

// Asks for, and changes, what the calling thread's network namespace has of devices, addresses and
// routes.
class RouteSocket {
 public:
  RouteSocket();

  // All there are: RTM_GETLINK, RTM_GETADDR or RTM_GETROUTE of a family. what: for the Error.
  std::vector<RouteMessage> list(int request, uint8_t family, const std::string& what);
  // Asks for a change and waits for the answer: 0, or libnl's error, -NLE_*.
  int change(nl_msg* message);

 private:
  std::unique_ptr<nl_sock, void (*)(nl_sock*)> socket_;
};

// A new message for change().
using NewMessage = std::unique_ptr<nl_msg, void (*)(nl_msg*)>;
NewMessage new_message(int type, int flags);

}  // namespace criu::net
