// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "criu/image/message.h"
#include "criu/net/inet-diag.h"

namespace criu::net {

// What has come and was not read. Of urgent data (MSG_OOB, tcp(7)) the kernel knows the last byte's
// place, its mark. What is before and what is behind is ordinary.
struct Incoming {
  std::vector<uint8_t> data;     // all, the urgent byte in its place
  std::optional<uint32_t> mark;  // where that is
  bool was_taken = false;        // out of its turn; the mark is still ahead of the reader
};

// Dump: of a connection under repair, with its receive queue chosen, which has its options in
// `socket`. diag: may be older. Throws Error naming who where the kernel does not show all.
Incoming peek_incoming(int fd, const InetSkEntry& socket, const TcpDiag& diag,
                       const std::string& who);
// What it changes for the moment, back to what the socket has: for a successor.
void undo_peek(int fd, const InetSkEntry& socket) noexcept;

}  // namespace criu::net
