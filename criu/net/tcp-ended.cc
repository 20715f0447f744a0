// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tcp-ended.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "criu/base/error.h"
#include "criu/net/inet-address.h"
#include "criu/net/inet-options.h"
#include "criu/net/network-lock.h"
#include "criu/net/socket-options.h"
#include "criu/net/tcp-repair.h"
#include "criu/net/tcp-segment.h"

namespace criu::net {

namespace {

constexpr tcp_repair_opt kAgreed = {4, 0};  // TCPOPT_SACK_PERM, net/tcp.h

// The kernel shows that there is an error, and which one only to who takes it. A connection that
// was there has been reset. One that never was has had no answer in any time, agreed on nothing
// (that it offered ECN shows, too), and has nothing to be read.
uint32_t error_of(const InetSkEntry& e, int fd, const std::string& who) {
  constexpr uint8_t kAgreedOn = TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE;
  const tcp_info info = connection_info(fd, who);
  const bool was_there = e.has_queued || info.tcpi_rtt != 0 || (info.tcpi_options & kAgreedOn) != 0;
  return was_there ? ECONNRESET : ECONNREFUSED;
}

void store_queue(files::DumpContext& context, InetSkEntry& e, int fd, const std::string& who) {
  int unread = 0;
  if (ioctl(fd, FIONREAD, &unread) < 0) fail_errno("cannot ask for the queue of {}", who);
  if (unread == 0) return;
  int offset = -1;
  socklen_t size = sizeof offset;  // of TCP since Linux 6.9
  if (getsockopt(fd, SOL_SOCKET, SO_PEEK_OFF, &offset, &size) == 0 && offset >= 0)
    fail(
        "{}: its connection has ended with {} bytes unread that have been looked at "
        "(SO_PEEK_OFF): not supported yet",
        who, unread);
  std::vector<uint8_t> data = peek_chosen_queue(fd, static_cast<size_t>(unread), who);
  auto* message = context.arena.make<SkPacketEntry>();
  message->id_for = e.id;
  message->length = static_cast<uint32_t>(data.size());
  context.add_message(message, std::move(data));
  CRIU_SET_OPTIONAL(&e, queued, 1);
}

// Where nobody else is asked.
SocketAddress loopback(const InetSkEntry& e, uint16_t port, socklen_t& size) {
  const uint32_t v4 = htonl(INADDR_LOOPBACK), v6[] = {0, 0, 0, htonl(1)};
  return socket_address(e, e.family == AF_INET ? &v4 : v6, port, size);
}

// One that was only bound can be shut down, too. The port of a connection that has ended shows in
// the same way, and is its own no more.
bool is_bound(const InetSkEntry& e, int fd, const std::string& who) {
  if (e.src_port == 0) return false;
  int port = 0;
  socklen_t size = sizeof port;
  constexpr int kPortAsProtocol = 52;  // IP_PROTOCOL, since Linux 6.4; it tells what is bound to
  if (getsockopt(fd, IPPROTO_IP, kPortAsProtocol, &port, &size) == 0) return port != 0;
  const tcp_info info = connection_info(fd, who);
  return info.tcpi_segs_in == 0 && info.tcpi_segs_out == 0;
}

InetAddress own_address(int fd, const std::string& who) {
  SocketAddress a{};
  socklen_t size = sizeof a;
  uint32_t scope = 0;
  if (getsockname(fd, &a.any, &size) < 0) fail_errno("cannot read the address of {}", who);
  return inet_address_of(a, scope);
}

}  // namespace

void make_ended(InetSkEntry& e) {
  e.state = kClosed;
  e.src_port = e.dst_port = 0;
  std::fill_n(e.src_addr, e.n_src_addr, 0);
  std::fill_n(e.dst_addr, e.n_dst_addr, 0);
  CRIU_SET_OPTIONAL(&e, shutdown, SK_SHUTDOWN__BOTH);
}

void note_ended(files::DumpContext& context, InetSkEntry& e, int fd, const std::string& who) {
  pollfd p{fd, POLLRDHUP, 0};
  if (poll(&p, 1, 0) < 0) fail_errno("cannot poll {}", who);
  if ((p.revents & POLLRDHUP) == 0) return;
  store_queue(context, e, fd, who);
  if ((p.revents & POLLERR) != 0) CRIU_SET_OPTIONAL(&e, error, error_of(e, fd, who));
  if (!RestoredEnd::is_told(e) && is_bound(e, fd, who))
    CRIU_SET_OPTIONAL(&e, shutdown, SK_SHUTDOWN__BOTH);
  else
    make_ended(e);
}

bool RestoredEnd::is_told(const InetSkEntry& e) {
  return e.type == SOCK_STREAM && e.state == kClosed &&
         ((e.has_queued && e.queued != 0) || (e.has_error && e.error != 0));
}

RestoredEnd::RestoredEnd(const InetSkEntry& entry, const std::vector<files::StoredMessage>& queue)
    : RestoredInet(entry), queue_(queue) {
  const uint32_t error = entry.has_error ? entry.error : 0;
  if (error != 0 && error != ECONNREFUSED && error != ECONNRESET)
    fail("{} has ended with error {}, which is unknown", who(), error);
  if (error == ECONNREFUSED && !queue.empty())
    fail("{} was refused, and has something to read", who());
}

UniqueFd RestoredEnd::open() {
  UniqueFd fd = make();
  if (entry_.has_error && entry_.error == ECONNREFUSED)
    refuse(fd.get());
  else
    reset(fd.get());
  prepare_bind(fd.get());
  set_inet_options(fd.get(), entry_, who());
  finish(fd.get());
  return fd;
}

// The port is taken, and not listened at.
void RestoredEnd::refuse(int fd) const {
  const UniqueFd taken = make();
  socklen_t size = 0;
  SocketAddress a = loopback(entry_, 0, size);
  if (::bind(taken.get(), &a.any, size) < 0) fail_errno("cannot take a port for {}", who());
  a = loopback(entry_, static_cast<uint16_t>(own_address(taken.get(), who()).port), size);
  begin_connect(fd, a, size);
  constexpr int kPatienceMs = 1000;
  pollfd p{fd, 0, 0};
  if (poll(&p, 1, kPatienceMs) != 1) fail("{} is not refused in time", who());
}

// A reset, unlike a FIN, ends a connection whatever the other end does. What was read into the
// queue before stays there.
void RestoredEnd::reset(int fd) const {
  widen_socket(fd);
  widen_receive(fd);
  enter_repair(fd, who());
  constexpr uint32_t kFirst = 1;
  for (const int queue : {TCP_SEND_QUEUE, TCP_RECV_QUEUE}) {
    choose_queue(fd, queue, who());
    set_queue_sequence(fd, kFirst, who());
  }
  socklen_t size = 0;
  constexpr uint16_t kDiscard = 9;
  const SocketAddress a = loopback(entry_, kDiscard, size);
  if (::connect(fd, &a.any, size) < 0) fail_errno("cannot connect {}", who());
  if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, &kAgreed, sizeof kAgreed) < 0)
    fail_errno("cannot set what was agreed on by {}", who());
  uint32_t next = kFirst;
  for (const files::StoredMessage& m : queue_) {
    fill_chosen_queue(fd, m.data.data(), m.data.size(), who());
    next += static_cast<uint32_t>(m.data.size());
  }
  choose_queue(fd, TCP_NO_QUEUE, who());
  const InetAddress own = own_address(fd, who());
  const Connection c{own.words, own.words, static_cast<uint16_t>(own.port), kDiscard};
  receive_until({next, kFirst, false, {}, true}, c, 0, who(),
                [&] { return connection_info(fd, who()).tcpi_state == kClosed; });
  leave_repair(fd, 0);
  if (!entry_.has_error || entry_.error == 0) get_option(fd, SOL_SOCKET, SO_ERROR, who());
}

}  // namespace criu::net
