// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "criu/net/inet-address.h"
#include "criu/net/inet-diag.h"
#include "criu/net/inet-restore.h"
#include "criu/net/raw-packet.h"

namespace criu::net {

// A UDP socket with what stood in its queue. Each datagram is sent again, with the source that it
// had, when the socket is bound. A filter keeps all others away until then; the socket's own, which
// has let them pass, comes after it, and so does the size of its buffer.
//
// One that does not arrive, or that could arrive elsewhere, is lost with a warning.
class RestoredDatagrams : public RestoredInet {
 public:
  // Throws Error where a message is no datagram for such a socket.
  RestoredDatagrams(const InetSkEntry& entry, const std::vector<files::StoredMessage>& queue);

  UniqueFd open() override;

 private:
  struct Datagram {
    InetAddress from, to;  // to: without words where it is not known
    uint32_t scope;        // of to
    uint8_t hops, traffic_class;
    const std::vector<uint8_t>& data;
  };

  Datagram read(const files::StoredMessage& message) const;
  bool are_from_peer() const;
  // Returns how many are lost.
  size_t fill(int fd, bool is_connected) const;
  // Each throws Error where it is lost.
  RawHeader header_of(const Datagram& datagram) const;
  void check_rivals(const Datagram& datagram, const RawHeader& header,
                    const std::vector<PortUser>& others, bool is_connected) const;
  std::vector<uint8_t> payload_of(const Datagram& datagram, const RawHeader& header) const;

  std::vector<Datagram> queue_;
};

}  // namespace criu::net
