// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include "criu/net/network-lock.h"

namespace criu::net {

struct Segment {
  uint32_t sequence = 0, acknowledges = 0;
  bool fin = false;
  std::optional<uint8_t> urgent = {};  // the only byte of data
  bool reset = false;
};

// Hands the own end of a connection a segment as if its peer had sent it. It never leaves this
// machine, and passes the network lock. scope: of a link-local address, else 0. Throws Error naming
// who.
void receive_segment(const Connection& connection, const Segment& segment, uint32_t scope,
                     const std::string& who);
// Until has_come(): a soft interrupt delivers it, which may be late.
void receive_until(const Segment& segment, const Connection& connection, uint32_t scope,
                   const std::string& who, const std::function<bool()>& has_come);

}  // namespace criu::net
