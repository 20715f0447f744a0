// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/inet-restore.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/net/inet-options.h"
#include "criu/net/socket-options.h"
#include "criu/net/tcp-repair.h"

namespace criu::net {

// Connections of before may still be on their way out, and others of the tree have the same port:
// what the socket has of SO_REUSEADDR is set when it listens.
UniqueFd RestoredInet::open() {
  UniqueFd fd = make();
  settle(fd.get());
  if (entry_.state == kListening && listen(fd.get(), static_cast<int>(entry_.backlog)) < 0)
    fail_errno("cannot listen on {}", who());
  if (entry_.state == kEstablished) connect(fd.get());
  finish(fd.get());
  return fd;
}

void RestoredInet::settle(int fd) const {
  prepare_bind(fd);
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, who());
  bind(fd);
  set_inet_options(fd, entry_, who());
}

void RestoredInet::finish(int fd) const {
  set_option(fd, SOL_SOCKET, SO_REUSEADDR, 0, who());
  set_socket_options(fd, *entry_.opts, who());
  if (entry_.has_peek_off)
    set_option(fd, SOL_SOCKET, SO_PEEK_OFF, static_cast<int>(entry_.peek_off), who());
  if (entry_.has_shutdown && entry_.shutdown != SK_SHUTDOWN__NONE)
    shutdown(fd, entry_.shutdown - 1);
  set_flags(fd);
}

UniqueFd RestoredInet::make() const {
  UniqueFd fd(socket(static_cast<int>(entry_.family), static_cast<int>(entry_.type) | SOCK_CLOEXEC,
                     static_cast<int>(entry_.proto)));
  if (!fd) fail_errno("cannot make {}", who());
  // Before it is bound: sockets have one port in common (SO_REUSEPORT) only if they belong to one
  // user. A new one belongs to who makes it.
  if (entry_.has_uid && entry_.has_gid && (entry_.uid != geteuid() || entry_.gid != getegid()) &&
      fchown(fd.get(), entry_.uid, entry_.gid) < 0)
    fail_errno("cannot give {} to its owner", who());
  return fd;
}

void RestoredInet::prepare_bind(int fd) const {
  set_options_for_bind(fd, entry_, who());
  if (const char* device = entry_.opts->so_bound_dev; device != nullptr && *device != '\0')
    setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, static_cast<socklen_t>(strlen(device)));
  if (entry_.opts->has_so_reuseport && entry_.opts->so_reuseport)
    set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, who());
  // Routes are chosen by the mark (ip-rule(8)), and one to all is given to who asks for it alone:
  // __ip4_datagram_connect(), net/ipv4/datagram.c.
  if (entry_.opts->has_so_mark && entry_.opts->so_mark != 0)
    set_option(fd, SOL_SOCKET, SO_MARK, static_cast<int>(entry_.opts->so_mark), who());
  if (entry_.opts->has_so_broadcast && entry_.opts->so_broadcast)
    set_option(fd, SOL_SOCKET, SO_BROADCAST, 1, who());
}

void RestoredInet::bind(int fd) const {
  const bool is_any = std::all_of(entry_.src_addr, entry_.src_addr + entry_.n_src_addr,
                                  [](uint32_t word) { return word == 0; });
  if (entry_.src_port == 0 && is_any) return;
  socklen_t size = 0;
  const SocketAddress a = socket_address(entry_, entry_.src_addr, entry_.src_port, size);
  if (::bind(fd, &a.any, size) == 0) return;
  if (errno == EADDRINUSE && entry_.type == SOCK_STREAM)
    fail(
        "cannot bind {}: Address already in use, by another socket or, for a minute, by a "
        "connection "
        "that has ended, where SO_REUSEADDR is off",
        who());
  if (errno == EADDRNOTAVAIL) fail("cannot bind {}: this machine has not its address", who());
  fail_errno("cannot bind {}", who());
}

void RestoredInet::connect(int fd) const {
  socklen_t size = 0;
  const SocketAddress a = socket_address(entry_, entry_.dst_addr, entry_.dst_port, size);
  if (::connect(fd, &a.any, size) < 0) fail_errno("cannot connect {}", who());
}

void RestoredInet::begin_connect(int fd, const SocketAddress& to, socklen_t size) const {
  const int flags = fcntl(fd, F_GETFL);
  fcntl(fd, F_SETFL, flags | O_NONBLOCK);
  if (::connect(fd, &to.any, size) == 0 || errno != EINPROGRESS)
    fail_errno("cannot begin to connect {}", who());
  fcntl(fd, F_SETFL, flags);
}

void RestoredInet::set_flags(int fd) const {
  constexpr uint32_t kNotSetHere = O_ACCMODE | O_ASYNC | O_CLOEXEC;
  if ((entry_.flags & ~kNotSetHere) != 0) files::set_status_flags(fd, entry_.flags, who());
}

}  // namespace criu::net
