// SPDX-License-Identifier: GPL-2.0-only
//
// The second pass of UnixRestore: what is in the sockets, and whom those of datagrams are connected
// to.

#include <signal.h>
#include <sys/socket.h>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/net/socket-options.h"
#include "criu/net/unix-restored-socket.h"

namespace criu::net {

void call_as(const std::optional<Caller>& by, const std::string& what,
             const std::function<int()>& f) {
  bool other_pid = false;
  const int error = by ? run_as(*by, other_pid, f) : f();
  if (other_pid)
    log::warn("{}: SO_PEERCRED will tell another pid than {}, which is taken", what, by->pid);
  errno = error;
  if (error != 0) fail_errno("cannot {}", what);
}

void disconnect_socket(int fd, const std::string& who) {
  const sockaddr nobody{};  // AF_UNSPEC
  if (connect(fd, &nobody, sizeof nobody) < 0) fail_errno("cannot disconnect {}", who);
}

// An abstract name may be another's by now.
std::string UnixRestore::name_of_gone(const Socket& socket) {
  const std::string& name = socket.peer_name;
  if (name.empty() || is_path_name(name) ||
      UnixNames::is_free(name, static_cast<int>(socket.entry->type)))
    return name;
  log::warn("{}: its peer has gone, and {} is another socket now: it will have a peer without name",
            socket.who(), readable_name(name));
  return {};
}

// Whether anybody may have sent to it, or its peer alone.
bool UnixRestore::is_sent_to_by_name(const Socket& to) {
  return to.is_datagram() && !to.name.empty() && !to.other_end &&
         (to.twin == nullptr || to.has_left);
}

// Who sends the message anew: the peer, or a socket of the name that the message came from.
int UnixRestore::sender_for(Socket& to, const files::StoredMessage& packet) {
  if (to.other_end) return to.other_end.get();
  if (!is_sent_to_by_name(to)) {
    const Socket* peer = to.twin != nullptr ? to.twin : find(to.entry->peer);
    if (peer == nullptr) fail("{} has messages that nobody can have sent", to.who());
    return peer->fd;
  }
  const std::string name(reinterpret_cast<const char*>(packet.entry->addr.data),
                         packet.entry->addr.len);
  for (const auto& [inode, s] : sockets_) {
    if (name.empty() || !s->is_datagram()) continue;
    if (s->name == name) return s->fd;
    if (s->other_name == name) return s->other_end.get();
  }
  UniqueFd& sender = for_the_moment_[name];
  if (sender) return sender.get();
  sender = fds_.raise(UniqueFd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)));
  if (!sender) fail_errno("cannot make a socket");
  if (!name.empty()) names_.bind(sender.get(), name, {}, nullptr);
  widen_socket(sender.get());
  return sender.get();
}

void UnixRestore::send(Socket& to, const files::StoredMessage& packet,
                       files::RestoreContext& context) {
  const SkPacketEntry& e = *packet.entry;
  std::vector<int> descriptors;
  for (size_t i = 0; i < e.n_scm; i++)
    for (size_t k = 0; k < e.scm[i]->n_rights; k++)
      descriptors.push_back(context.needed_fd(e.scm[i]->rights[k]));
  const int sender = sender_for(to, packet);
  iovec data{const_cast<uint8_t*>(packet.data.data()), packet.data.size()};
  msghdr message{};
  message.msg_iov = &data, message.msg_iovlen = 1;
  sockaddr_un address{};
  if (is_sent_to_by_name(to)) {
    message.msg_name = &address;
    address = names_.address(to.fd, message.msg_namelen);
  }
  const size_t rights_size = descriptors.size() * sizeof(int);
  std::vector<uint8_t> control(CMSG_SPACE(rights_size) + CMSG_SPACE(sizeof(ucred)));
  message.msg_control = control.data();
  const auto put = [&](int type, const void* what, size_t size) {
    auto* c = reinterpret_cast<cmsghdr*>(control.data() + message.msg_controllen);
    c->cmsg_level = SOL_SOCKET, c->cmsg_type = type, c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), what, size);
    message.msg_controllen += CMSG_SPACE(size);
  };
  if (!descriptors.empty()) put(SCM_RIGHTS, descriptors.data(), rights_size);
  const ucred credentials{static_cast<pid_t>(e.pid), e.uid, e.gid};
  if (e.has_pid && e.pid != 0) put(SCM_CREDENTIALS, &credentials, sizeof credentials);
  if (message.msg_controllen == 0) message.msg_control = nullptr;
  const auto send_it = [&] {
    const ssize_t sent = sendmsg(sender, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(packet.data.size()) ? 0 : sent < 0 ? errno : EMSGSIZE;
  };
  // A process that is there is named by its pid alone; of one that is not, a helper has it.
  const bool had_gone = e.has_pid && e.pid != 0 && kill(credentials.pid, 0) < 0 && errno == ESRCH;
  std::optional<Caller> by;
  if (had_gone) by = {credentials.pid, credentials.uid, credentials.gid};
  call_as(by, fmt::format("put {} bytes back into the queue of {}", e.length, to.who()), send_it);
}

// Who is connected itself can be connected to by its peer alone: those that have it for a peer come
// first.
void UnixRestore::connect_datagram(Socket& socket) {
  if (!socket.is_datagram() || socket.connected) return;
  socket.connected = true;
  for (auto [it, end] = connected_.equal_range(socket.entry->ino); it != end; ++it)
    connect_datagram(*it->second);
  if (socket.lost_its_peer() && !socket.other_end) return connect_to_gone(socket);
  if (socket.entry->peer == 0) return;
  Socket* peer = find(socket.entry->peer);
  if (peer == nullptr) return outside_.connect(socket.fd, socket.entry->peer, socket.who());
  if (peer == socket.twin) return;  // they are, already
  socklen_t size = 0;
  const sockaddr_un address = names_.address(peer->fd, size);
  if (connect(socket.fd, reinterpret_cast<const sockaddr*>(&address), size) < 0)
    fail_errno("cannot connect {} to {}", socket.who(), peer->who());
}

// What has gone may be there still, as an end of a pair.
void UnixRestore::connect_to_gone(const Socket& socket) {
  for (const auto& [inode, s] : sockets_) {
    if (!s->is_datagram() || s->other_name.empty() || s->other_name != socket.peer_name) continue;
    socklen_t size = 0;
    const sockaddr_un address = names_.address(s->other_end.get(), size);
    if (connect(socket.fd, reinterpret_cast<const sockaddr*>(&address), size) < 0)
      fail_errno("cannot connect {} to the peer that {} had", socket.who(), s->who());
    return;
  }
  UnixSkEntry entry = *socket.entry;
  entry.has_deleted = 1, entry.deleted = 1;
  entry.file_perms = nullptr;
  Socket gone{&entry, name_of_gone(socket), {}, -1, {}};
  open(gone);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  socklen_t size = sizeof address.sun_family;
  auto* any = reinterpret_cast<sockaddr*>(&address);
  if (!gone.name.empty()) {
    bind(gone);
    address = names_.address(gone.fd, size);
  } else if (::bind(gone.fd, any, size) < 0 ||
             (size = sizeof address, getsockname(gone.fd, any, &size)) < 0) {
    fail_errno("cannot give {} a name for the moment", gone.who());
  }
  if (connect(socket.fd, any, size) < 0)
    fail_errno("cannot connect {} to {}", socket.who(), gone.who());
}

// A peer that goes with something unread resets: the error is told once.
void UnixRestore::leave_unread(const Socket& socket) {
  const UnixSkEntry& e = *socket.entry;
  if (!e.has_reset || !e.reset) return;
  if (::send(socket.fd, "", 1, MSG_DONTWAIT | MSG_NOSIGNAL) != 1)
    fail_errno("cannot send to the peer of {}", socket.who());
}

void UnixRestore::fill(files::RestoreContext& context) {
  const auto fill_queue = [&](Socket& s) {
    for (const files::StoredMessage& packet : context.messages_of(s.entry->id))
      send(s, packet, context);
  };
  for (const auto& [inode, s] : sockets_) {
    if (!s->has_left) continue;
    fill_queue(*s->twin);
    leave_unread(*s->twin);
    disconnect_socket(s->fd, s->who());
    fill_queue(*s);
  }
  for (const auto& [inode, s] : sockets_)
    if (s->twin == nullptr || !(s->has_left || s->twin->has_left)) fill_queue(*s);
  for_the_moment_.clear();
  for (const auto& [inode, s] : sockets_) {
    if (!s->other_end) continue;
    leave_unread(*s);
    if (s->is_datagram()) disconnect_socket(s->other_end.get(), "a peer that has gone");
  }
  for (const auto& [inode, s] : sockets_) connect_datagram(*s);
  for (const auto& [inode, s] : sockets_) {
    const UnixSkEntry& e = *s->entry;
    s->other_end.reset();
    if (e.has_shutdown && e.shutdown != SK_SHUTDOWN__NONE && shutdown(s->fd, e.shutdown - 1) < 0)
      fail_errno("cannot shut {} down", s->who());
  }
  for (const auto& [inode, s] : sockets_) {
    set_socket_options(s->fd, *s->entry->opts, s->who());
    if (s->entry->has_peek_off)
      set_option(s->fd, SOL_SOCKET, SO_PEEK_OFF, static_cast<int>(s->entry->peek_off), s->who());
  }
}

}  // namespace criu::net
