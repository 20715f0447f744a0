// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <string>

#include "criu/files/file-kind.h"
#include "criu/net/inet-address.h"

namespace criu::net {

// An internet socket on its way back, one that is no TCP connection (tcp-restore.h): open() makes
// it, in whichever process.
class RestoredInet : public files::RestoredEntry<InetSkEntry> {
 public:
  explicit RestoredInet(const InetSkEntry& entry)
      : RestoredEntry(entry), who_(fmt::format("socket {} (port {})", entry.id, entry.src_port)) {}

  UniqueFd open() override;

 protected:
  const std::string& who() const { return who_; }
  UniqueFd make() const;
  // Binds it, with the options of its family; and what comes last, when it is connected.
  void settle(int fd) const;
  void finish(int fd) const;
  // Those options that bind(2) and connect(2) look at, but for SO_REUSEADDR.
  void prepare_bind(int fd) const;
  void bind(int fd) const;
  void connect(int fd) const;
  // Of a TCP socket: nobody waits for what becomes of it.
  void begin_connect(int fd, const SocketAddress& to, socklen_t size) const;
  void set_flags(int fd) const;

 private:
  const std::string who_;  // for messages
};

}  // namespace criu::net
