// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace criu::net {

// What the kernel tells of a UNIX socket: sock_diag(7), UDIAG_SHOW_*.
struct UnixDiag {
  uint32_t inode = 0;
  uint8_t type = 0, state = 0;      // SOCK_*, TCP_*
  std::optional<std::string> name;  // sun_path, with its zero byte; an abstract one begins with one
  std::optional<std::pair<uint32_t, uint32_t>> file;  // inode and device of a path's socket file
  bool has_peer = false;
  uint32_t peer = 0;  // its inode; 0 where it has none any more
  // Of a listening one: inodes of clients, the first one first. None where there are more than the
  // kernel can tell of (some 8,000).
  std::vector<uint32_t> pending;
  // A listening one has so many pending, of backlog; of others so many bytes stand in its queue
  // (or in its next message), so many of its own have not been read.
  uint32_t incoming = 0, outgoing = 0;
  uint8_t shutdown = 0;  // 1: nothing will come; 2: nothing will be sent
};

// All of the calling thread's network namespace, by inode. One question to the kernel, or two.
std::map<uint32_t, UnixDiag> read_unix_sockets();

}  // namespace criu::net
