// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/inet-restore.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "criu/base/error.h"
#include "criu/net/inet-options.h"
#include "criu/net/network-lock.h"
#include "criu/net/socket-options.h"
#include "criu/net/tcp-repair.h"

namespace criu::net {

namespace {

// What came to a raw socket before it had a filter: it gets packets from socket(2) on.
void drain(int fd, const std::string& who) {
  uint8_t byte = 0;
  while (recv(fd, &byte, sizeof byte, MSG_DONTWAIT) >= 0) {
  }
  if (errno != EAGAIN) fail_errno("cannot empty the queue of {}", who);
}

}  // namespace

UniqueFd RestoredInet::open() {
  UniqueFd fd = make();
  if (entry_.type != SOCK_STREAM) close_to_others(fd.get());
  settle(fd.get());
  if (entry_.state == kEstablished) connect(fd.get());
  finish(fd.get());
  // Last: connections have the options of the socket that they come to.
  if (entry_.state == kListening && listen(fd.get(), static_cast<int>(entry_.backlog)) < 0)
    fail_errno("cannot listen on {}", who());
  if (entry_.type == SOCK_STREAM && !has_reuse())
    set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 0, who());
  return fd;
}

// Of TCP, connections of before may still be on their way out, and others of the tree have the same
// port: what the socket has of SO_REUSEADDR is set when it listens. Who listens at the port lets no
// other have it all the same: inet_csk_bind_conflict(), net/ipv4/inet_connection_sock.c.
void RestoredInet::settle(int fd) const {
  prepare_bind(fd);
  if (entry_.type == SOCK_STREAM || shares_port_ || has_reuse())
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, who());
  bind(fd);
  set_inet_options(fd, entry_, who());
}

// Its own filter takes the place of that of close_to_others().
void RestoredInet::finish(int fd) const {
  if (entry_.type != SOCK_STREAM && entry_.opts->n_so_filter == 0)
    set_option(fd, SOL_SOCKET, SO_DETACH_FILTER, 0, who());
  set_socket_options(fd, *entry_.opts, who());
  if (entry_.has_peek_off)
    set_option(fd, SOL_SOCKET, SO_PEEK_OFF, static_cast<int>(entry_.peek_off), who());
  if (entry_.has_shutdown && entry_.shutdown != SK_SHUTDOWN__NONE)
    shutdown(fd, entry_.shutdown - 1);
  set_flags(fd);
}

void RestoredInet::end_sharing(int fd) const {
  if (shares_port_ && !has_reuse()) set_option(fd, SOL_SOCKET, SO_REUSEADDR, 0, who());
}

// With any port, and with the options that choose a route.
void RestoredInet::check_addresses() const {
  const UniqueFd fd = make();
  prepare_bind(fd.get());
  bind(fd.get(), 0);
  if (entry_.type == SOCK_DGRAM) set_inet_options(fd.get(), entry_, who());
  if (entry_.type != SOCK_STREAM && entry_.state == kEstablished) connect(fd.get());
}

void RestoredInet::check_port() const {
  const UniqueFd fd = make();
  prepare_bind(fd.get());
  if (has_reuse()) set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1, who());
  bind(fd.get());
}

void RestoredInet::close_to_others(int fd) const {
  std::array code = {
      sock_filter BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                           static_cast<uint32_t>(SKF_AD_OFF) + SKF_AD_MARK),
      sock_filter BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kPassingMark, 0, 1),
      sock_filter BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
      sock_filter BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program) < 0)
    fail_errno("cannot attach a filter to {}", who());
  if (entry_.type == SOCK_RAW) drain(fd, who());
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

void RestoredInet::bind(int fd, uint32_t port) const {
  if (port == 0 && is_any(entry_.src_addr, entry_.n_src_addr)) return;
  socklen_t size = 0;
  const SocketAddress a = socket_address(entry_, entry_.src_addr, port, size);
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
