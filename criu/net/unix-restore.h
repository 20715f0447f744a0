// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <map>
#include <memory>
#include <string>

#include "criu/files/file-kind.h"
#include "criu/net/socket-queue.h"
#include "criu/net/unix-names.h"
#include "criu/net/unix-outside.h"

namespace criu::net {

// Makes UNIX sockets anew, all in one process:
//
//   make   Before the tasks that have them. Whatever has a name of its own is bound to it; who
//          listened, listens. Then come pairs: without names by socketpair(2); else one end
//          connects to the socket that listens under that name (one that is made for the moment,
//          where it has gone), and the other is what it accepts, as both have their names then.
//          Last those that were not accepted yet connect.
//   fill   Queues; connections of datagram sockets, which may not be sent to by others afterwards;
//          what is shut down; options. When the tasks exist: a message names its sender, of which
//          the receiver may get a pidfd (SO_PASSPIDFD).
//
// A datagram socket that is connected to one without a name, or that has none and was sent to, was
// made as a pair with it, also where
// the other one is connected elsewhere by now, or to nobody: it has left. That one is made so too,
// and leaves when it has sent what the first one has not read yet.
//
// SO_PEERCRED tells who made a pair, listened or connected: a helper of that pid does it
// (run_as()). A task that listened does so once more itself, for those who will connect and ask for
// a pidfd (SO_PEERPIDFD).
class UnixRestore {
 public:
  explicit UnixRestore(files::RestoreContext& context);
  ~UnixRestore();

  std::unique_ptr<files::RestoredFile> add(files::RestoreContext& context,
                                           const UnixSkEntry& entry);
  void make();
  void fill(files::RestoreContext& context);
  void place_files() { names_.place_files(); }
  // The tasks have theirs: closes what this object has.
  void let_go();
  void keep() { names_.keep(); }

 private:
  struct Socket;

  void open(Socket& socket);
  void open_apart(Socket& socket);
  void bind(Socket& socket);
  void listen(Socket& socket) const;
  Socket* find(uint32_t inode);
  Socket* find_listening(const Socket& like);
  bool was_accepted(const Socket& socket, const Socket& peer);
  bool is_pair(const Socket& socket) const;
  bool is_apart(const Socket& socket);
  static bool has_heard_of_peer(const Socket& socket);
  void find_connected();
  void make_pair(Socket& socket, Socket& peer);
  void accept_from(Socket& client, Socket& server);
  void make_orphan(Socket& socket);
  void make_pending(Socket& listening);
  void connect_datagram(Socket& socket);
  void connect_to_gone(const Socket& socket);
  static void leave_unread(const Socket& socket);
  static std::string name_of_gone(const Socket& socket);
  void send(Socket& to, const files::StoredMessage& packet, files::RestoreContext& context);
  static bool is_sent_to_by_name(const Socket& to);
  int sender_for(Socket& to, const files::StoredMessage& packet);

  const ServiceFds& fds_;
  std::map<uint32_t, std::unique_ptr<Socket>> sockets_;  // by inode
  std::multimap<uint32_t, Socket*> connected_;      // datagram sockets, by the inode of the peer
  std::map<std::string, UniqueFd> for_the_moment_;  // senders that have gone, by name
  UnixNames names_;
  OutsidePeers outside_;
};

}  // namespace criu::net
