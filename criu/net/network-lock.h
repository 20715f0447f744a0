// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <array>
#include <cstdint>
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
// The lock is a table of nf_tables, `inet CRIU-<id of the dump>`, which stays when this process
// ends: from a dump to the restore, which finds the id in inventory.img; where a writer has left
// none there, it is the pid of the root. By hand it is taken away with
//
//   nft delete table inet CRIU-<id>
//
// A pid alone would be another process's one day, whose dump would take the lock away.
//
// Or it is two rules for each connection in the table `filter` of iptables, or nothing.
class NetworkLock {
 public:
  NetworkLock(NetworkLockMethod method, const std::string& id)
      : method_(method), table_("inet CRIU-" + id) {}

  // The one that a dump has left.
  static NetworkLock of_images(const image::Directory& dir);

  // Throws Error where that cannot be had.
  void lock(const std::vector<Connection>& connections);
  // No error where there is none, but for a warning.
  void unlock(const std::vector<Connection>& connections) noexcept;

 private:
  NetworkLockMethod method_;
  std::string table_;
  Nftables nftables_;
};

}  // namespace criu::net
