// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "criu/base/fd.h"
#include "criu/files/file-kind.h"

namespace criu::net {

// A message that stands in a UNIX socket's queue; of a stream, a part that was sent at once.
struct Packet {
  std::vector<uint8_t> data;
  std::string sender;  // its name as in sun_path, zero byte and all; empty: it has none
  std::optional<ucred> credentials;  // if the receiver wants them (SO_PASSCRED)
  std::vector<UniqueFd> descriptors;
};

// All that stands in the queue of a stopped task's socket, and stays there. For the moment that
// takes, the socket has an SO_PEEK_OFF of its own, which is taken back also if this process is
// killed. Throws Error naming who.
std::vector<Packet> peek_queue(int fd, const std::string& who);

// What sk-queues.img has, by id of the file.
struct StoredPacket {
  const SkPacketEntry* entry;
  std::vector<uint8_t> data;
};

}  // namespace criu::net
