// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tcp-restore.h"

#include <fcntl.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/parallel.h"
#include "criu/net/inet-address.h"
#include "criu/net/inet-options.h"
#include "criu/net/socket-options.h"
#include "criu/net/tcp-repair.h"

namespace criu::net {

namespace {

// TCPOPT_* of include/net/tcp.h.
constexpr uint32_t kOptMss = 2, kOptWindow = 3, kOptSackPermitted = 4, kOptTimestamp = 8;

constexpr size_t kGrain = 16;

// Sizes are limited by what the image says, when all is filled.
void widen(int fd) {
  widen_socket(fd);
  widen_receive(fd);
}

// A connection that comes back as one that has ended (--tcp-close).
class RestoredEnded : public RestoredInet {
 public:
  using RestoredInet::RestoredInet;

  UniqueFd open() override {
    UniqueFd fd = make();
    set_socket_options(fd.get(), *entry_.opts, who());
    shutdown(fd.get(), SHUT_RDWR);
    set_flags(fd.get());
    return fd;
  }
};

}  // namespace

RestoredTcp::RestoredTcp(const InetSkEntry& entry) : RestoredInet(entry) {
  if (!is_in(entry.state,
             {kEstablished, kSynSent, kFinWait1, kFinWait2, kCloseWait, kLastAck, kClosing}))
    fail("{} was a TCP connection in state {}, which is unknown", who(), entry.state);
}

uint32_t RestoredTcp::sent_fin() const {
  return has_sent_fin(entry_.state) ? 1 : 0;
}

uint32_t RestoredTcp::received_fin() const {
  return has_received_fin(entry_.state) ? 1 : 0;
}

// What the peer waits for.
uint32_t RestoredTcp::first_outgoing() const {
  return stream_.entry->outq_seq - stream_.entry->outq_len - sent_fin();
}

void RestoredTcp::load(const image::Directory& dir, image::Arena& arena) {
  stream_ = load_stream(dir, entry_.ino, arena);
}

UniqueFd RestoredTcp::open() {
  return std::move(fd_);
}

// What a connection may ever have as its window is decided by the size when it is connected. A new
// socket's will do where nothing is queued and it never had more.
bool RestoredTcp::needs_room(int fd) const {
  if (stream_.entry->inq_len != 0 || stream_.entry->outq_len != 0) return true;
  return entry_.opts->so_rcvbuf >
         static_cast<uint32_t>(get_option(fd, SOL_SOCKET, SO_RCVBUF, who()));
}

void RestoredTcp::make_again(const ServiceFds& fds) {
  UniqueFd fd = make();
  if (needs_room(fd.get())) widen(fd.get());
  prepare_bind(fd.get());
  enter_repair(fd.get(), who());
  set_sequences(fd.get());
  bind(fd.get());
  if (entry_.state != kSynSent) {
    if (stream_.entry->has_timestamp)
      set_option(fd.get(), IPPROTO_TCP, TCP_TIMESTAMP, static_cast<int>(stream_.entry->timestamp),
                 who());
    limit_segments(fd.get());
    connect(fd.get());
    set_options(fd.get());
    fill(fd.get());
    set_window(fd.get());
    reckon_segments(fd.get());
  }
  // Older writers have these two here.
  if (stream_.entry->cork) set_option(fd.get(), IPPROTO_TCP, TCP_CORK, 1, who());
  if (stream_.entry->nodelay) set_option(fd.get(), IPPROTO_TCP, TCP_NODELAY, 1, who());
  set_inet_options(fd.get(), entry_, who());
  set_flags(fd.get());
  fd_ = fds.raise(std::move(fd));
}

void RestoredTcp::set_sequences(int fd) const {
  const TcpStreamEntry& e = *stream_.entry;
  choose_queue(fd, TCP_SEND_QUEUE, who());
  // A SYN takes a number, and is sent anew.
  set_queue_sequence(fd, entry_.state == kSynSent ? e.outq_seq - 1 : first_outgoing(), who());
  if (entry_.state == kSynSent) return;
  choose_queue(fd, TCP_RECV_QUEUE, who());
  set_queue_sequence(fd, e.inq_seq - e.inq_len - received_fin(), who());
}

// The kernel reckons how large segments are when it connects, and under repair with the 536 bytes
// of a peer that has said nothing; what repair tells later does not make it reckon again, so that
// the first ones to be sent would be as small: tcp_connect_init(), tcp_repair_options_est(),
// net/ipv4. Over IPv4 any change of the options of IP does: do_ip_setsockopt(),
// net/ipv4/ip_sockglue.c. Over IPv6 none does, but what a program wants at the most (TCP_MAXSEG),
// 32767 bytes if that is more, is taken for what the peer has said.
void RestoredTcp::limit_segments(int fd) const {
  if (is_over_ipv4()) return;
  constexpr uint32_t kLeast = 88, kMost = 32767;
  const uint32_t most = std::clamp(stream_.entry->mss_clamp, kLeast, kMost);
  set_option(fd, IPPROTO_TCP, TCP_MAXSEG, static_cast<int>(most), who());
}

void RestoredTcp::reckon_segments(int fd) const {
  if (!is_over_ipv4())
    set_option(fd, IPPROTO_TCP, TCP_MAXSEG, 0, who());
  else if (setsockopt(fd, IPPROTO_IP, IP_OPTIONS, "", 0) < 0)
    fail_errno("cannot have the size of segments reckoned for {}", who());
}

bool RestoredTcp::is_over_ipv4() const {
  return plain_words(entry_.dst_addr, entry_.n_dst_addr).size() == 1;
}

void RestoredTcp::set_options(int fd) const {
  const TcpStreamEntry& e = *stream_.entry;
  std::vector<tcp_repair_opt> options;
  if ((e.opt_mask & TCPI_OPT_SACK) != 0) options.push_back({kOptSackPermitted, 0});
  if ((e.opt_mask & TCPI_OPT_WSCALE) != 0)
    options.push_back({kOptWindow, e.snd_wscale | e.rcv_wscale << 16});
  if ((e.opt_mask & TCPI_OPT_TIMESTAMPS) != 0) options.push_back({kOptTimestamp, 0});
  options.push_back({kOptMss, e.mss_clamp});
  if (setsockopt(fd, IPPROTO_TCP, TCP_REPAIR_OPTIONS, options.data(),
                 static_cast<socklen_t>(options.size() * sizeof options[0])) < 0)
    fail_errno("cannot set what was agreed on by {}", who());
}

// In the order in which a connection comes to that state.
void RestoredTcp::fill(int fd) const {
  const TcpStreamEntry& e = *stream_.entry;
  if (e.inq_len == 0 && e.outq_len == e.unsq_len && entry_.state == kEstablished) return;
  choose_queue(fd, TCP_RECV_QUEUE, who());
  fill_incoming(fd);
  const Segment fin{e.inq_seq - 1, first_outgoing(), true};
  if (is_in(entry_.state, {kCloseWait, kLastAck})) receive(fd, fin, kCloseWait);
  choose_queue(fd, TCP_SEND_QUEUE, who());
  fill_chosen_queue(fd, stream_.outgoing.data(), e.outq_len - e.unsq_len, who());
  // Under repair, and with that queue chosen, a FIN counts as sent.
  if (sent_fin() != 0 && e.unsq_len == 0 && shutdown(fd, SHUT_WR) < 0)
    fail_errno("cannot shut down {}", who());
  if (entry_.state == kClosing) receive(fd, fin, kClosing);
  if (entry_.state == kFinWait2) receive(fd, {e.inq_seq, e.outq_seq, false}, kFinWait2);
  choose_queue(fd, TCP_NO_QUEUE, who());
}

void RestoredTcp::fill_incoming(int fd) const {
  const TcpStreamEntry& e = *stream_.entry;
  const uint8_t* data = stream_.incoming.data();
  const uint32_t before = e.has_urgent ? e.urgent : e.inq_len;
  fill_chosen_queue(fd, data, before, who());
  if (!e.has_urgent) return;
  receive_urgent(fd);
  fill_chosen_queue(fd, data + before + 1, e.inq_len - before - 1, who());
}

uint32_t RestoredTcp::scope() const {
  return entry_.ifname == nullptr ? 0 : if_nametoindex(entry_.ifname);
}

void RestoredTcp::receive(const Segment& segment, const std::function<bool()>& has_come) const {
  receive_until(segment, connection_of(entry_), scope(), who(), has_come);
}

void RestoredTcp::receive(int fd, const Segment& segment, uint32_t new_state) const {
  receive(segment, [&] { return connection_info(fd, who()).tcpi_state == new_state; });
}

// Repair puts ordinary data into a queue; a mark comes with a segment. The receive queue is chosen.
void RestoredTcp::receive_urgent(int fd) const {
  const TcpStreamEntry& e = *stream_.entry;
  const uint32_t at = queue_sequence(fd, who());
  receive({at, first_outgoing(), false, stream_.incoming[e.urgent]},
          [&] { return queue_sequence(fd, who()) == at + 1; });
  uint8_t byte = 0;
  if (e.urgent_taken && recv(fd, &byte, 1, MSG_OOB | MSG_DONTWAIT) != 1)
    fail_errno("cannot take urgent data of {}", who());
}

// The kernel checks it against the numbers that it has now.
void RestoredTcp::set_window(int fd) const {
  const TcpStreamEntry& e = *stream_.entry;
  if (!e.has_snd_wnd) return;
  set_repair_window(fd, {e.snd_wl1, e.snd_wnd, e.max_window, e.rcv_wnd, e.rcv_wup}, who());
}

void RestoredTcp::resume(int fd) const {
  const TcpStreamEntry& e = *stream_.entry;
  leave_repair(fd, 0);
  if (entry_.state == kSynSent) {
    socklen_t size = 0;
    const SocketAddress peer = socket_address(entry_, entry_.dst_addr, entry_.dst_port, size);
    begin_connect(fd, peer, size);
  }
  if (e.unsq_len != 0) {
    fill_chosen_queue(fd, stream_.outgoing.data() + e.outq_len - e.unsq_len, e.unsq_len, who());
    if (sent_fin() != 0 && shutdown(fd, SHUT_WR) < 0) fail_errno("cannot shut down {}", who());
  }
  if (entry_.has_shutdown && (entry_.shutdown & SK_SHUTDOWN__READ) != 0 && received_fin() == 0)
    shutdown(fd, SHUT_RD);
  set_socket_options(fd, *entry_.opts, who());
}

void RestoredTcp::probe(int fd) const {
  probe_window(fd, reuse());
  if (entry_.state == kFinWait2) ask_peer();
}

// The kernel probes in no state but ESTABLISHED (tcp_send_window_probe(), net/ipv4/tcp_output.c),
// and who waits for a FIN of a peer that is there no more would wait for ever. What seems to come
// from the peer, and is old, is acknowledged: a peer takes no notice, any other machine resets.
void RestoredTcp::ask_peer() const {
  try {
    receive_segment(connection(), {stream_.entry->inq_seq - 1, stream_.entry->outq_seq, false},
                    scope(), who());
  } catch (const Error& e) {
    log::warn("{} is not asked whether its peer is there: {}", who(), e.what());
  }
}

std::unique_ptr<files::RestoredFile> TcpRestore::read(files::RestoreContext& context,
                                                      const InetSkEntry& entry) {
  if (context.options.tcp_close) return std::make_unique<RestoredEnded>(entry);
  if (!context.options.tcp_established)
    fail("socket {} was a TCP connection (to port {}): use --tcp-established, or --tcp-close",
         entry.id, entry.dst_port);
  if (!lock_) lock_ = NetworkLock::of_images(context.dir);
  auto socket = std::make_unique<RestoredTcp>(entry);
  context.need(entry.id);
  members_.push_back({entry.id, socket.get()});
  return socket;
}

void TcpRestore::in_parallel(const std::function<void(const Member&)>& f) const {
  for_each_in_parallel(members_.size(), kGrain, [&](size_t i) { f(members_[i]); });
}

void TcpRestore::make(files::RestoreContext& context) {
  while (arenas_.size() * kGrain < members_.size()) arenas_.emplace_back();
  context.fds.make_room(members_.size());
  for_each_in_parallel(members_.size(), kGrain, [&](size_t i) {
    members_[i].socket->load(context.dir, arenas_[i / kGrain]);
    members_[i].socket->make_again(context.fds);
  });
}

void TcpRestore::take(files::RestoreContext& context) {
  std::vector<int> fds;
  for (Member& m : members_) fds.push_back(m.fd = context.needed_fd(m.id));
  if (!fds.empty()) context.note_connections(fds);
}

void TcpRestore::resume() {
  in_parallel([](const Member& m) { m.socket->resume(m.fd); });
}

void TcpRestore::keep() {
  std::vector<Connection> connections;
  for (const Member& m : members_) connections.push_back(m.socket->connection());
  if (lock_) lock_->unlock(connections);
  in_parallel([](const Member& m) { m.socket->probe(m.fd); });
  members_.clear();
}

}  // namespace criu::net
