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

  const InetSkEntry& entry() const { return entry_; }

  // Of no connection: others of the tree have its port too, and may have it by options that they
  // have no more. Then it has SO_REUSEADDR from before it is bound until end_sharing().
  void share_port() { shares_port_ = true; }
  void end_sharing(int fd) const;
  // Throws Error where this machine, as it is, has no such address of its own, or no route to the
  // peer's; of TCP only the first.
  void check_addresses() const;
  // Throws Error where somebody has the port who would not let this one have it. Before any of
  // those that share it is made.
  void check_port() const;

 protected:
  const std::string& who() const { return who_; }
  UniqueFd make() const;
  // From then on until finish() only what RawSender sends comes in: of a socket without
  // connections, which would get anybody's datagrams until it is connected and has its own filter.
  void close_to_others(int fd) const;
  // Binds it, with the options of its family; and what comes last, when it is connected.
  void settle(int fd) const;
  void finish(int fd) const;
  // Those options that bind(2) and connect(2) look at, but for SO_REUSEADDR.
  void prepare_bind(int fd) const;
  void bind(int fd) const { bind(fd, entry_.src_port); }
  void bind(int fd, uint32_t port) const;
  void connect(int fd) const;
  // Of a TCP socket: nobody waits for what becomes of it.
  void begin_connect(int fd, const SocketAddress& to, socklen_t size) const;
  void set_flags(int fd) const;

 private:
  bool has_reuse() const { return entry_.opts->has_reuseaddr && entry_.opts->reuseaddr; }

  const std::string who_;  // for messages
  bool shares_port_ = false;
};

}  // namespace criu::net
