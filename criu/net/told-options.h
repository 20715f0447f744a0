// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <linux/inet_diag.h>

#include <cstdint>
#include <optional>
#include <string>

namespace criu::net {

// Options of an internet socket as sock_diag(7) tells them. What a kernel does not tell has to be
// asked for, getsockopt(2).
struct ToldOptions {
  std::optional<uint32_t> send_buffer, receive_buffer;  // bytes, SO_SNDBUF and SO_RCVBUF
  std::optional<uint32_t> priority, mark;
  bool no_device = false;  // SO_BINDTODEVICE
  std::optional<uint8_t> tos, traffic_class;
  std::optional<std::string> congestion;
  std::optional<inet_diag_sockopt> flags;
  bool no_upper_protocol = false;  // TCP_ULP
};

}  // namespace criu::net
