// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "criu/files/file-kind.h"
#include "criu/net/unix-diag.h"

namespace criu::net {

// UNIX sockets of the tree whose peer is not in it.
//
// A datagram socket that was connected to a name is connected to that again, if --external
// unix[INODE], of the peer, or --ext-unix-sk allows it: the peer gets an entry, which no table has.
// Any other comes back only as what a restore is given by --inherit-fd fd[N]:socket:[INODE].

// Dump: fills in the socket's entry, and throws Error where it may not be dumped. peer: null where
// it is of another network namespace. known: inodes of peers that have an entry, to which it adds.
void dump_outside_peer(files::DumpContext& context, const std::string& who, const UnixDiag& socket,
                       const UnixDiag* peer, std::set<uint32_t>& known, UnixSkEntry& entry);

// Restore: the entries of peers, by inode; files.img is read when the first one is wanted.
class OutsidePeers {
 public:
  explicit OutsidePeers(const files::RestoreContext& context) : context_(context) {}
  // Throws Error where there is none.
  void connect(int fd, uint32_t inode, const std::string& who);
  bool has(uint32_t inode) { return find(inode) != nullptr; }

 private:
  const UnixSkEntry* find(uint32_t inode);

  const files::RestoreContext& context_;
  std::optional<std::map<uint32_t, const UnixSkEntry*>> peers_;
};

}  // namespace criu::net
