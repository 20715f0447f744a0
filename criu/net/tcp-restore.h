// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <deque>
#include <functional>
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
  explicit RestoredTcp(const InetSkEntry& entry);

  Connection connection() const { return connection_of(entry_); }

  // Its image, and then the socket in the state that it had, with its queues but for what was not
  // sent. Of several at the same time, with an arena each.
  void load(const image::Directory& dir, image::Arena& arena);
  void make_again(const ServiceFds& fds);
  // What make_again() has made.
  UniqueFd open() override;
  bool is_used_to_the_end() const override { return true; }
  // The same socket, when all is there: it works, unsent data and all, as far as the lock lets it.
  void resume(int fd) const;
  // The lock is gone: asks the peer what it has missed.
  void probe(int fd) const;

 private:
  int reuse() const { return entry_.opts->has_reuseaddr && entry_.opts->reuseaddr ? 1 : 0; }
  bool needs_room(int fd) const;
  uint32_t scope() const;
  void ask_peer() const;
  uint32_t sent_fin() const;
  uint32_t received_fin() const;
  uint32_t first_outgoing() const;
  bool is_over_ipv4() const;
  void set_sequences(int fd) const;
  void limit_segments(int fd) const;
  void reckon_segments(int fd) const;
  void set_options(int fd) const;
  void set_window(int fd) const;
  void fill(int fd) const;
  void fill_incoming(int fd) const;
  void set_state(int fd) const;
  void receive(const Segment& segment, const std::function<bool()>& has_come) const;
  void receive(int fd, const Segment& segment, uint32_t new_state) const;
  void receive_urgent(int fd) const;

  TcpStream stream_;
  UniqueFd fd_;
};

// All of a tree: the coordinator makes them, in several threads, and keeps them in its hands until
// the tasks run. The lock of the dump stays until then, for the next attempt, should this one fail;
// then a process that was told of them (note_connections) puts them under repair again, in which
// they are closed without a trace.
class TcpRestore {
 public:
  std::unique_ptr<files::RestoredFile> read(files::RestoreContext& context,
                                            const InetSkEntry& entry);
  // All have been read.
  void make(files::RestoreContext& context);
  // All have been opened: nothing is to be seen of them should this restore fail from here on.
  void take(files::RestoreContext& context);
  void resume();
  void keep();

 private:
  struct Member {
    uint32_t id;
    RestoredTcp* socket;
    int fd = -1;
  };

  // f: may throw. Each connection is a matter of its own.
  void in_parallel(const std::function<void(const Member&)>& f) const;

  std::vector<Member> members_;
  std::deque<image::Arena> arenas_;  // one for each kGrain members, which one thread has at a time
  std::optional<NetworkLock> lock_;
};

}  // namespace criu::net
