// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tcp-stream.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "criu/base/error.h"
#include "criu/net/socket-options.h"
#include "criu/net/tcp-repair.h"
#include "criu/net/tcp-urgent.h"

namespace criu::net {

namespace {

// Under repair while it lives.
class Repair {
 public:
  Repair(int fd, int reuse, const std::string& who) : fd_(fd), reuse_(reuse) {
    enter_repair(fd, who);
  }
  ~Repair() { leave_repair(fd_, reuse_); }
  Repair(const Repair&) = delete;
  Repair& operator=(const Repair&) = delete;

 private:
  int fd_, reuse_;
};

// What has come from the peer may end it, as long as nothing holds that.
tcp_info note_state(InetSkEntry& socket, int fd, const TcpDiag& diag, const std::string& who) {
  const tcp_info info = connection_info(fd, who);
  if (info.tcpi_state == kClosed) fail("{}: the connection has ended", who);
  socket.state = info.tcpi_state;
  const int fin = has_received_fin(socket.state) ? SK_SHUTDOWN__READ : 0;
  // Other readers shut down what is told to be so, and know no value for neither way.
  if (const int ways = (diag.shutdown & 3) | fin; ways != 0)
    CRIU_SET_OPTIONAL(&socket, shutdown, static_cast<SkShutdown>(ways));
  return info;
}

// A FIN counts, and is none of the bytes.
void note_outgoing(TcpStreamEntry& e, int fd, uint32_t state, const std::string& who) {
  e.outq_len = queue_length(fd, SIOCOUTQ, who);
  uint32_t unsent = e.outq_len == 0 ? 0 : queue_length(fd, SIOCOUTQNSD, who);
  if (has_sent_fin(state)) {
    if (e.outq_len != 0) e.outq_len--;
    if (unsent != 0) unsent--;
  }
  CRIU_SET_OPTIONAL(&e, unsq_len, unsent);
}

void note_incoming(TcpStreamEntry& e, const Incoming& in) {
  e.inq_len = static_cast<uint32_t>(in.data.size());
  if (!in.mark) return;
  CRIU_SET_OPTIONAL(&e, urgent, *in.mark);
  if (in.was_taken) CRIU_SET_OPTIONAL(&e, urgent_taken, true);
}

void note_options(TcpStreamEntry& e, const TcpOptsEntry& options, const tcp_info& info, int fd,
                  const std::string& who) {
  e.opt_mask = info.tcpi_options & (TCPI_OPT_TIMESTAMPS | TCPI_OPT_SACK | TCPI_OPT_WSCALE);
  if ((e.opt_mask & TCPI_OPT_WSCALE) != 0) {
    e.snd_wscale = info.tcpi_snd_wscale;
    CRIU_SET_OPTIONAL(&e, rcv_wscale, info.tcpi_rcv_wscale);
  }
  e.mss_clamp = static_cast<uint32_t>(get_option(fd, IPPROTO_TCP, TCP_MAXSEG, who));
  if ((e.opt_mask & TCPI_OPT_TIMESTAMPS) != 0)
    CRIU_SET_OPTIONAL(&e, timestamp,
                      static_cast<uint32_t>(get_option(fd, IPPROTO_TCP, TCP_TIMESTAMP, who)));
  // Older readers look for these two here.
  CRIU_SET_OPTIONAL(&e, cork, options.has_cork && options.cork);
  CRIU_SET_OPTIONAL(&e, nodelay, options.has_nodelay && options.nodelay);
}

void note_window(TcpStreamEntry& e, int fd, const std::string& who) {
  const tcp_repair_window window = repair_window(fd, who);
  CRIU_SET_OPTIONAL(&e, snd_wl1, window.snd_wl1);
  CRIU_SET_OPTIONAL(&e, snd_wnd, window.snd_wnd);
  CRIU_SET_OPTIONAL(&e, max_window, window.max_window);
  CRIU_SET_OPTIONAL(&e, rcv_wnd, window.rcv_wnd);
  CRIU_SET_OPTIONAL(&e, rcv_wup, window.rcv_wup);
}

// What a protocol above it has set up in the kernel, such as TLS.
void refuse_upper_protocol(int fd, const std::string& who) {
  char name[16] = {};  // TCP_ULP_NAME_MAX
  socklen_t size = sizeof name - 1;
  if (ask_option(fd, IPPROTO_TCP, TCP_ULP, name, size, who) && size > 0 && name[0] != '\0')
    fail("{}: the connection has the upper protocol {} (TCP_ULP), which cannot be stored", who,
         name);
}

}  // namespace

TcpStream read_stream(image::Arena& arena, InetSkEntry& socket, int fd, const TcpDiag& diag,
                      const std::string& who) {
  TcpStream stream;
  auto& e = *(stream.entry = arena.make<TcpStreamEntry>());
  if (!diag.options.no_upper_protocol) refuse_upper_protocol(fd, who);
  const Repair repair(fd, socket.opts->reuseaddr ? 1 : 0, who);
  const tcp_info info = note_state(socket, fd, diag, who);
  note_outgoing(e, fd, socket.state, who);
  choose_queue(fd, TCP_RECV_QUEUE, who);
  e.inq_seq = queue_sequence(fd, who);
  Incoming in = peek_incoming(fd, socket, diag, who);
  note_incoming(e, in);
  stream.incoming = std::move(in.data);
  choose_queue(fd, TCP_SEND_QUEUE, who);
  e.outq_seq = queue_sequence(fd, who);
  stream.outgoing = peek_chosen_queue(fd, e.outq_len, who);
  note_options(e, *socket.tcp_opts, info, fd, who);
  note_window(e, fd, who);
  return stream;
}

void write_stream(const image::Directory& dir, uint32_t inode, const TcpStream& stream) {
  image::Writer img(dir, image::Kind::kTcpStream, inode);
  img.write(stream.entry);
  img.write_raw(stream.incoming.data(), stream.incoming.size());
  img.write_raw(stream.outgoing.data(), stream.outgoing.size());
  img.close();
}

TcpStream load_stream(const image::Directory& dir, uint32_t inode, image::Arena& arena) {
  image::Reader img(dir, image::Kind::kTcpStream, inode);
  TcpStream stream;
  stream.entry = img.must_next<TcpStreamEntry>(arena);
  const TcpStreamEntry& e = *stream.entry;
  if (uint64_t{e.inq_len} + e.outq_len != img.left())
    fail("{}: {} bytes stand behind its entry where {} and {} are queued", img.name(), img.left(),
         e.inq_len, e.outq_len);
  if (e.unsq_len > e.outq_len)
    fail("{}: of {} bytes {} were not sent", img.name(), e.outq_len, e.unsq_len);
  if (e.has_urgent && e.urgent >= e.inq_len)
    fail("{}: byte {} of {} is urgent", img.name(), e.urgent, e.inq_len);
  stream.incoming.resize(e.inq_len);
  img.read_raw(stream.incoming.data(), e.inq_len);
  stream.outgoing.resize(e.outq_len);
  img.read_raw(stream.outgoing.data(), e.outq_len);
  return stream;
}

}  // namespace criu::net
