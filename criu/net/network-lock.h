// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "criu/config.h"
#include "criu/image/image-file.h"
#include "criu/image/message.h"
#include "criu/net/nftables.h"

namespace criu::net {

// The ends of a connection, addresses as the images have them: one word (IPv4) or four.
struct Connection {
  std::vector<uint32_t> own, peer;
  uint16_t own_port = 0, peer_port = 0;
};

Connection connection_of(const InetSkEntry& entry);

// Segments of a repair's own have this mark (SO_MARK), by which they pass the lock. Other tools'
// locks let the same one pass.
constexpr uint32_t kPassingMark = 0xC114;

// Keeps all segments of the tree's connections from coming or going, in the network namespace of
// the caller: an answer to one whose end is gone would be a reset. They are sent again later.
//
// The lock is a table of nf_tables, `inet CRIU-<pid of the root>`, which stays when this process
// ends: from a dump to the restore. Where there is one of that name already, of a process that had
// that pid before and may wait for its restore, it is `inet CRIU-<id of the dump>`, and the
// inventory tells the id. By hand it is taken away with
//
//   nft delete table inet CRIU-<pid or id>
//
// Or it is two rules for each connection in the table `filter` of iptables, or nothing.
class NetworkLock {
 public:
  // For a dump, whose id is asked for only where it is needed.
  NetworkLock(NetworkLockMethod method, pid_t root,
              const std::function<const std::string&()>& run_id);

  // The one that a dump has left.
  static NetworkLock of_images(const image::Directory& dir);

  // Throws Error where that cannot be had.
  void lock(const std::vector<Connection>& connections);
  // No error where there is none, but for a warning.
  void unlock(const std::vector<Connection>& connections) noexcept;

 private:
  NetworkLock(NetworkLockMethod method, const std::string& id);

  NetworkLockMethod method_;
  std::string table_;
  Nftables nftables_;
};

}  // namespace criu::net
