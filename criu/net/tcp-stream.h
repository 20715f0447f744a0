// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "criu/image/image-file.h"
#include "criu/image/message.h"
#include "criu/net/inet-diag.h"

namespace criu::net {

// What tcp-stream-<inode>.img has.
struct TcpStream {
  TcpStreamEntry* entry = nullptr;
  std::vector<uint8_t> incoming, outgoing;
};

// Dump: of a connection that nothing comes to and nothing leaves, and whose task stands still. For
// as long as that takes it is under repair. socket: has its options; the state is noted in it.
// diag: as it was when the task stood still, which may be before nothing came any more. Throws
// Error naming who for what repair cannot express. Sockets may be read at the same time, in an
// arena each.
TcpStream read_stream(image::Arena& arena, InetSkEntry& socket, int fd, const TcpDiag& diag,
                      const std::string& who);
void write_stream(const image::Directory& dir, uint32_t inode, const TcpStream& stream);

TcpStream load_stream(const image::Directory& dir, uint32_t inode, image::Arena& arena);

}  // namespace criu::net
