// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "criu/net/inet-restore.h"
#include "criu/net/network-lock.h"
#include "criu/net/tcp-segment.h"
#include "criu/net/tcp-stream.h"

namespace criu::net {

// A TCP connection on its way back. It is under repair from open() to resume(): until then it is
// closed without a trace, and the next attempt finds all as it was.
class RestoredTcp : public RestoredInet {
 public:
  RestoredTcp(files::RestoreContext& context, const InetSkEntry& entry);

  Connection connection() const { return connection_of(entry_); }

  // In the state that it had, with its queues but for what was not sent.
  UniqueFd open() override;
  // The same socket, when all is there: it works, unsent data and all, as far as the lock lets it.
  void resume(int fd) const;
  // Undoes resume(): nothing of it is to be seen when it is closed.
  void take_back(int fd) const noexcept;
  // The lock is gone: asks the peer what it has missed.
  void probe(int fd) const;

 private:
  int reuse() const { return entry_.opts->has_reuseaddr && entry_.opts->reuseaddr ? 1 : 0; }
  uint32_t sent_fin() const;
  uint32_t received_fin() const;
  uint32_t first_outgoing() const;
  void set_sequences(int fd) const;
  void set_options(int fd) const;
  void set_window(int fd) const;
  void fill(int fd) const;
  void set_state(int fd) const;
  void receive(int fd, const Segment& segment, uint32_t new_state) const;
  void begin_connect(int fd) const;

  TcpStream stream_;
};

// All of a tree: the coordinator makes them, and keeps them in its hands until the tasks run. The
// lock of the dump stays until then, for the next attempt, should this one fail.
class TcpRestore {
 public:
  ~TcpRestore();

  std::unique_ptr<files::RestoredFile> read(files::RestoreContext& context,
                                            const InetSkEntry& entry);
  // All have been opened.
  void take(files::RestoreContext& context);
  void resume();
  void keep();

 private:
  struct Member {
    uint32_t id;
    const RestoredTcp* socket;
    int fd = -1;
  };

  std::vector<Member> members_;
  bool resumed_ = false;
  std::optional<NetworkLock> lock_;
};

}  // namespace criu::net
