// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>
#include <vector>

#include "criu/files/file-kind.h"
#include "criu/net/inet-restore.h"

// TCP sockets whose connection has ended, or never came about: nobody else knows of them any more.
// What had come before can still be read, and an error is told once.
namespace criu::net {

// Dump: of a socket in state kClosed. Throws Error naming who where the kernel does not show all.
void note_ended(files::DumpContext& context, InetSkEntry& e, int fd, const std::string& who);
// It was connected, and is to be used no more.
void make_ended(InetSkEntry& e);

// On its way back: a connection of this machine with itself that its own end alone knows of, and
// that ends as the first one did. Needs the rights of the coordinator.
class RestoredEnd : public RestoredInet {
 public:
  // Whether an entry is that of one. Others have nothing to tell: RestoredInet.
  static bool is_told(const InetSkEntry& entry);

  // Throws Error where the entry or its queue is none of such a socket.
  RestoredEnd(const InetSkEntry& entry, const std::vector<files::StoredMessage>& queue);

  UniqueFd open() override;

 private:
  void refuse(int fd) const;
  void reset(int fd) const;

  const std::vector<files::StoredMessage>& queue_;
};

}  // namespace criu::net
