// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/unix-restore.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <vector>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/net/given-socket.h"
#include "criu/net/socket-options.h"
#include "criu/net/unix-restored-socket.h"

namespace criu::net {

namespace {

class RestoredUnix : public files::RestoredEntry<UnixSkEntry> {
 public:
  RestoredUnix(const UnixSkEntry& entry, UniqueFd& made) : RestoredEntry(entry), made_(made) {}
  UniqueFd open() override {
    files::set_status_flags(made_.get(), entry_.flags, "a UNIX socket");
    return std::move(made_);
  }
  // Who waits to be accepted stays so.
  void link_each(int own) override {
    if (entry_.state != TCP_LISTEN || !entry_.has_peer_pid ||
        static_cast<pid_t>(entry_.peer_pid) != getpid())
      return;
    errno = run_with_ids(entry_.peer_uid, entry_.peer_gid,
                         [&] { return status(::listen(own, static_cast<int>(entry_.backlog))); });
    if (errno != 0) fail_errno("cannot listen on socket {}", entry_.id);
  }

 private:
  UniqueFd& made_;
};

std::string name_of(const ProtobufCBinaryData& sun_path) {
  std::string name(reinterpret_cast<const char*>(sun_path.data), sun_path.len);
  if (is_path_name(name) && name.back() != '\0') name.push_back('\0');
  return name;
}

}  // namespace

UnixRestore::~UnixRestore() = default;

void UnixRestore::let_go() {
  for (const auto& [inode, socket] : sockets_) socket->made.reset(), socket->other_end.reset();
  for_the_moment_.clear();
}

UnixRestore::UnixRestore(files::RestoreContext& context)
    : fds_(context.fds), names_(context.note_directory, context.placed_last), outside_(context) {}

std::unique_ptr<files::RestoredFile> UnixRestore::add(files::RestoreContext& context,
                                                      const UnixSkEntry& e) {
  const std::vector<files::StoredMessage>& queue = context.messages_of(e.id);
  if (e.has_queued && e.queued != queue.size())
    fail("{} has {} messages of socket {}, where files.img wants {}",
         image::file_name(image::Kind::kSocketQueues), queue.size(), e.id, e.queued);
  constexpr uint32_t kExtern = 1;
  if ((e.uflags & kExtern) != 0) fail("socket {} belongs to the outside, and cannot be made", e.id);
  if (auto given = given_socket(context, e)) return given;
  if (e.has_external && e.external)
    fail(
        "socket {} is the outside's too, or its peer is: a restore is to be given one by "
        "--inherit-fd fd[N]:socket:[{}]",
        e.id, e.ino);
  if (e.type != SOCK_STREAM && e.type != SOCK_DGRAM && e.type != SOCK_SEQPACKET)
    fail("socket {} is of the unknown type {}", e.id, e.type);
  auto socket = std::make_unique<Socket>();
  socket->entry = &e;
  socket->name = name_of(e.name);
  if (e.has_peer_name) socket->peer_name = name_of(e.peer_name);
  socket->has_queue = !queue.empty();
  auto file = std::make_unique<RestoredUnix>(e, socket->made);
  if (!sockets_.try_emplace(e.ino, std::move(socket)).second)
    fail("files.img has two sockets of inode {}", e.ino);
  for (const files::StoredMessage& packet : queue)
    for (size_t i = 0; i < packet.entry->n_scm; i++)
      for (size_t k = 0; k < packet.entry->scm[i]->n_rights; k++)
        context.need(packet.entry->scm[i]->rights[k]);
  return file;
}

UnixRestore::Socket* UnixRestore::find(uint32_t inode) {
  const auto it = sockets_.find(inode);
  return it == sockets_.end() ? nullptr : it->second.get();
}

// The one that listens under the same name.
UnixRestore::Socket* UnixRestore::find_listening(const Socket& like) {
  for (const auto& [inode, s] : sockets_)
    if (s->is_listening() && s->name == like.name && s->entry->type == like.entry->type)
      return s.get();
  return nullptr;
}

// Whether of two ends it was accepted, by a socket of its name. That has gone where nobody listens
// under either name: then it is the one whose name others had to do with.
bool UnixRestore::was_accepted(const Socket& socket, const Socket& peer) {
  if (socket.name.empty() || peer.name.empty()) return !socket.name.empty();
  if (find_listening(socket) != nullptr) return true;
  if (find_listening(peer) != nullptr) return false;
  return std::ranges::any_of(sockets_, [&](const auto& other) {
    const Socket& s = *other.second;
    return &s != &socket && s.entry->type == socket.entry->type &&
           (s.name == socket.name || s.peer_name == socket.name);
  });
}

// Each is the other's peer.
bool UnixRestore::is_pair(const Socket& socket) const {
  const auto peer = sockets_.find(socket.entry->peer);
  return peer != sockets_.end() && peer->second->entry->peer == socket.entry->ino &&
         peer->second->entry->type == socket.entry->type;
}

void UnixRestore::open(Socket& socket) {
  const int type = static_cast<int>(socket.entry->type);
  socket.made = fds_.raise(UniqueFd(::socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)));
  if (!socket.made) fail_errno("cannot make {}", socket.who());
  socket.fd = socket.made.get();
  widen_socket(socket.fd);
}

// SO_PEERCRED stays with a datagram socket, wherever it is connected to afterwards.
void UnixRestore::open_apart(Socket& socket) {
  if (!socket.is_datagram() || !socket.tells_credentials()) return open(socket);
  Socket other{socket.entry, {}, {}, -1, {}};
  make_pair(socket, other);
  socket.twin = nullptr;
  disconnect_socket(socket.fd, socket.who());
}

void UnixRestore::bind(Socket& socket) {
  if (!socket.name.empty())
    names_.bind(socket.fd, socket.name, socket.final(), socket.entry->file_perms);
}

void UnixRestore::listen(Socket& socket) const {
  call_as(socket.peer(), fmt::format("listen on {}", socket.who()),
          [&] { return status(::listen(socket.fd, static_cast<int>(socket.entry->backlog))); });
}

void UnixRestore::make_pair(Socket& socket, Socket& peer) {
  std::array<int, 2> ends{};
  const int type = static_cast<int>(socket.entry->type) | SOCK_CLOEXEC | SOCK_NONBLOCK;
  // The child's memory is its own: where they are, it says by duplicates of known numbers.
  open(socket), open(peer);
  call_as(socket.peer(), fmt::format("make the pair of {}", socket.who()), [&] {
    if (socketpair(AF_UNIX, type, 0, ends.data()) < 0 || dup3(ends[0], socket.fd, O_CLOEXEC) < 0 ||
        dup3(ends[1], peer.fd, O_CLOEXEC) < 0)
      return errno;
    return status(close(ends[0])) | status(close(ends[1]));
  });
  widen_socket(socket.fd), widen_socket(peer.fd);
  socket.twin = &peer, peer.twin = &socket;
}

// One end is accepted by whom the other connects to.
void UnixRestore::accept_from(Socket& client, Socket& server) {
  open(client);
  bind(client);
  Socket* listening = find_listening(server);
  Socket gone{server.entry, server.name, {}, -1, {}};
  if (listening == nullptr) {
    listening = &gone;
    open(gone);
    names_.bind(gone.fd, gone.name, {}, nullptr);
    // What it was to the client.
    call_as(client.peer(), fmt::format("listen on {}", gone.who()),
            [&] { return status(::listen(gone.fd, 1)); });
  }
  socklen_t size = 0;
  const sockaddr_un address = names_.address(listening->fd, size);
  call_as(server.peer(), fmt::format("connect to {}", server.who()), [&] {
    return status(connect(client.fd, reinterpret_cast<const sockaddr*>(&address), size));
  });
  server.made =
      fds_.raise(UniqueFd(accept4(listening->fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK)));
  if (!server.made) fail_errno("cannot accept {}", server.who());
  server.fd = server.made.get();
  widen_socket(server.fd);
}

// One whose peer has gone.
void UnixRestore::make_orphan(Socket& socket) {
  UnixSkEntry entry = *socket.entry;
  entry.has_deleted = 1, entry.deleted = 1;
  entry.file_perms = nullptr;
  Socket other{&entry, socket.peer_name, {}, -1, {}};
  const bool is_server = was_accepted(socket, other);
  if (is_server || find_listening(other) == nullptr) other.name = name_of_gone(socket);
  if (socket.is_connected() && is_server) {
    accept_from(other, socket);
  } else if (socket.is_connected() && !other.name.empty()) {
    accept_from(socket, other);
  } else {
    make_pair(socket, other);
    bind(socket), bind(other);
    socket.twin = nullptr;
  }
  socket.other_end = std::move(other.made);
  socket.other_name = other.name;
}

// In the order in which they will be accepted.
void UnixRestore::make_pending(Socket& listening) {
  std::vector<Socket*> clients;
  const UnixSkEntry& e = *listening.entry;
  for (size_t i = 0; i < e.n_pending; i++) clients.push_back(find(e.pending[i]));
  if (e.n_pending == 0)
    for (const auto& [inode, s] : sockets_)
      if (s->is_connected() && s->entry->peer == e.ino) clients.push_back(s.get());
  if (clients.empty()) return;
  set_inherited_options(listening.fd, *e.opts, listening.who());
  socklen_t size = 0;
  const sockaddr_un address = names_.address(listening.fd, size);
  for (Socket* client : clients) {
    if (client == nullptr || client->fd >= 0) fail("{}: its clients are damaged", listening.who());
    open(*client);
    bind(*client);
    call_as(client->client(), fmt::format("connect to {}", listening.who()), [&] {
      return status(connect(client->fd, reinterpret_cast<const sockaddr*>(&address), size));
    });
  }
}

// Whether it is made by itself. A datagram socket of a pair is so if others can send to it.
bool UnixRestore::is_apart(const Socket& socket) {
  if (!socket.is_datagram()) return !socket.is_connected();
  if (socket.twin != nullptr) return false;
  if (is_pair(socket)) return !socket.name.empty() && !find(socket.entry->peer)->name.empty();
  // Nobody but its twin can ever have sent to one without a name.
  const bool had_a_twin = socket.name.empty() && socket.tells_credentials();
  return !socket.lost_its_peer() || !(socket.peer_name.empty() || had_a_twin);
}

// Nobody but its twin can have sent to a datagram socket without a name, or reset it.
bool UnixRestore::has_heard_of_peer(const Socket& socket) {
  const UnixSkEntry& e = *socket.entry;
  return socket.name.empty() && (socket.has_queue || (e.has_reset && e.reset));
}

void UnixRestore::find_connected() {
  for (const auto& [inode, s] : sockets_) {
    if (!s->is_datagram() || s->entry->peer == 0) continue;
    connected_.emplace(s->entry->peer, s.get());
    Socket* peer = find(s->entry->peer);
    if (peer == nullptr || !peer->is_datagram() || is_pair(*s)) continue;
    if (!peer->name.empty() && !has_heard_of_peer(*s)) continue;
    if (peer == s.get() || s->twin != nullptr || peer->twin != nullptr)
      fail("{} is connected to {}, which has another peer", s->who(), peer->who());
    s->twin = peer, peer->twin = s.get();
    peer->has_left = true;
  }
}

void UnixRestore::make() {
  find_connected();
  for (const auto& [inode, s] : sockets_) {
    const Socket* peer = find(s->entry->peer);
    if (s->entry->peer != 0 && peer == nullptr && !outside_.has(s->entry->peer))
      fail("{} is connected to a socket that no image has", s->who());
    if (!is_apart(*s)) continue;
    open_apart(*s);
    bind(*s);
    if (s->is_listening()) listen(*s);
  }
  for (const auto& [inode, s] : sockets_) {
    if (s->fd >= 0) continue;
    Socket* peer = s->twin != nullptr ? s->twin : find(s->entry->peer);
    if (s->entry->peer != 0 && peer->is_listening()) continue;
    if (peer != nullptr && s->twin == nullptr && !is_pair(*s))
      fail("{} and its peer do not agree", s->who());
    if (peer == nullptr) {
      make_orphan(*s);
    } else if (s->is_datagram() || (s->name.empty() && peer->name.empty())) {
      make_pair(*s, *peer);
      bind(*s), bind(*peer);
    } else if (was_accepted(*s, *peer)) {
      accept_from(*peer, *s);
    } else {
      accept_from(*s, *peer);
    }
  }
  for (const auto& [inode, s] : sockets_)
    if (s->is_listening()) make_pending(*s);
}

}  // namespace criu::net
