// SPDX-License-Identifier: GPL-2.0-only
//
// Sockets of the internet families: TCP, and UDP, raw and ICMP, also connected. What stands in the
// queue of the last two is lost, as datagrams may be. What a dump stores of them; inet-restore.cc,
// datagram-restore.cc and tcp-restore.cc make them anew.

#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/files/file-kind.h"
#include "criu/net/datagram-restore.h"
#include "criu/net/datagram.h"
#include "criu/net/given-socket.h"
#include "criu/net/inet-address.h"
#include "criu/net/inet-options.h"
#include "criu/net/inet-restore.h"
#include "criu/net/multicast.h"
#include "criu/net/own-network.h"
#include "criu/net/shared-ports.h"
#include "criu/net/socket-options.h"
#include "criu/net/tcp-dump.h"
#include "criu/net/tcp-ended.h"
#include "criu/net/tcp-repair.h"
#include "criu/net/tcp-restore.h"

namespace criu::net {

namespace {

class InetKind : public files::FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__INETSK; }
  bool recognises(const files::OpenFile& f) const override {
    const int domain = socket_domain(f);
    return domain == AF_INET || domain == AF_INET6;
  }

  void dump(files::DumpContext& context, const files::OpenFile& f, FileEntry* entry) override {
    auto* e = context.arena.make<InetSkEntry>();
    const int fd = f.own.get();
    const std::string who = f.who();
    refuse_other_network(fd, who);
    e->id = entry->id;
    e->ino = static_cast<uint32_t>(f.st.st_ino);
    e->family = static_cast<uint32_t>(socket_domain(f));
    e->type = static_cast<uint32_t>(get_option(fd, SOL_SOCKET, SO_TYPE, who));
    e->proto = static_cast<uint32_t>(get_option(fd, SOL_SOCKET, SO_PROTOCOL, who));
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    check_protocol(f, *e);
    note_addresses(context, f, *e);
    if (context.options.external.contains(f.link)) CRIU_SET_OPTIONAL(e, external, 1);
    const bool is_connection = e->type == SOCK_STREAM && note_state(context, f, who, *e);
    if (!is_connection) {
      e->opts = read_socket_options(context.arena, fd, who);
      read_inet_options(context.arena, *e, fd, who);
    }
    if (e->type != SOCK_STREAM) {
      note_shutdown(f, *e);
      multicast_.add_memberships(context.arena, *e, fd, f.who());
      if (!is_external(*e)) store_datagrams(context, *e, fd, who);
      order_.add(*e);
    }
    refuse_outside(context, f, *e);
    CRIU_SET_OPTIONAL(e, uid, f.st.st_uid);
    CRIU_SET_OPTIONAL(e, gid, f.st.st_gid);
    if (!is_connection && !is_external(*e)) check_addresses(f, *e);
    entry->isk = e;
  }

  void check_dump(files::DumpContext& context) override {
    order_.note();
    std::set<uint32_t> families = connections_.families();
    if (!listening_.empty()) families = {AF_INET, AF_INET6};
    if (families.empty()) return;
    const TcpSockets sockets = read_tcp_sockets(families);
    if (!context.options.skip_in_flight) refuse_new(sockets.in_flight);
    refuse_signing(sockets);
    connections_.look(sockets);
  }

  void hold(files::DumpContext& context) override { connections_.hold(context); }
  void release() override { connections_.release(); }
  void before_kill(files::DumpContext&) override { connections_.before_kill(); }
  void finish_dump(files::DumpContext& context) override { connections_.write(context.dir); }

  std::unique_ptr<files::RestoredFile> read(files::RestoreContext& context,
                                            const FileEntry& entry) override {
    const InetSkEntry* e = entry.isk;
    if (e == nullptr) fail("file {} in files.img is no internet socket", entry.id);
    const size_t words = e->family == AF_INET ? 1 : 4;
    if (auto given = given_socket(context, *e)) {
      ports_.add_given(*e);
      return given;
    }
    if (is_external(*e))
      fail(
          "socket {} (port {}) is the outside's too: a restore is to be given one by --inherit-fd "
          "fd[N]:socket:[{}]",
          e->id, e->src_port, e->ino);
    const bool connected = e->state != kListening && e->state != kClosed;
    if ((e->family != AF_INET && e->family != AF_INET6) || e->n_src_addr != words ||
        (connected && e->n_dst_addr != words))
      fail("file {} in files.img has no address of an internet socket", entry.id);
    if (connected && (e->type == SOCK_STREAM || e->state != kEstablished))
      return restored_.read(context, *e);
    const std::vector<files::StoredMessage>& queue = context.messages_of(e->id);
    if (e->has_queued && e->queued != queue.size())
      fail("sk-queues.img has {} messages of socket {}, where files.img wants {}", queue.size(),
           e->id, e->queued);
    if (RestoredEnd::is_told(*e)) {
      context.need(e->id);
      return std::make_unique<RestoredEnd>(*e, queue);
    }
    std::unique_ptr<RestoredInet> socket;
    if (queue.empty()) {
      socket = std::make_unique<RestoredInet>(*e);
    } else {
      // Made before there are others of its port: they would get what is its own.
      context.need(e->id);
      socket = std::make_unique<RestoredDatagrams>(*e, queue);
    }
    return ports_.add(context, std::move(socket));
  }
  // Of TCP alone, and read-only: tcp_mmap(), net/ipv4/tcp.c. What has been received can only be put
  // there by the kernel, out of the queue.
  void check_mapping(const FileEntry&, const files::MappedSocket& m) const override {
    if (m.resident != 0)
      fail("{}: {} bytes that were received are mapped there (TCP_ZEROCOPY_RECEIVE): not supported",
           m.who, m.resident);
  }
  void make(files::RestoreContext& context) override {
    restored_.make(context);
    ports_.make(context);
  }
  void fill(files::RestoreContext& context) override { restored_.take(context); }
  void before_release() override { restored_.resume(); }
  void finish_restore() override { restored_.keep(); }

 private:
  static void check_protocol(const files::OpenFile& f, const InetSkEntry& e) {
    const bool tcp = e.type == SOCK_STREAM && e.proto == IPPROTO_TCP;
    const bool udp = e.type == SOCK_DGRAM && (e.proto == IPPROTO_UDP || e.proto == IPPROTO_UDPLITE);
    const bool raw = e.type == SOCK_RAW;
    const bool icmp =
        e.type == SOCK_DGRAM && (e.proto == IPPROTO_ICMP || e.proto == IPPROTO_ICMPV6);
    if (!tcp && !udp && !raw && !icmp)
      fail("{}: {} is not supported yet", f.who(), describe_protocol(e));
  }

  static std::string describe_protocol(const InetSkEntry& e) {
    constexpr uint32_t kMptcp = 262;  // IPPROTO_MPTCP, netinet/in.h
    switch (e.proto) {
      case IPPROTO_SCTP:
        return "an SCTP socket";
      case IPPROTO_DCCP:
        return "a DCCP socket";
      case kMptcp:
        return "a multipath TCP socket (MPTCP)";
      default:
        return fmt::format("an internet socket of type {} and protocol {}", e.type, e.proto);
    }
  }

  // The address by one of getsockname(2) and getpeername(2); none: not connected.
  template <typename Call>
  static InetAddress ask(Call call, const files::OpenFile& f, uint32_t& scope) {
    SocketAddress a{};
    socklen_t size = sizeof a;
    if (call(f.own.get(), &a.any, &size) == 0) return inet_address_of(a, scope);
    if (errno != ENOTCONN) fail_errno("cannot read the address of {}", f.who());
    return {};
  }

  static void note_addresses(files::DumpContext& context, const files::OpenFile& f,
                             InetSkEntry& e) {
    uint32_t scope = 0;
    const InetAddress own = ask(getsockname, f, scope);
    InetAddress peer = ask(getpeername, f, scope);
    if (const auto found = peer.words.empty() ? find_peer(e) : std::nullopt) peer.words = *found;
    if (own.words.empty()) fail("{}: it has no address of the internet's families", f.who());
    e.src_port = own.port, e.dst_port = peer.port;
    e.n_src_addr = own.words.size();
    e.src_addr = context.arena.copy<uint32_t>(own.words);
    // Other readers want one in any case.
    const std::vector<uint32_t> none(own.words.size(), 0);
    e.n_dst_addr = own.words.size();
    e.dst_addr = context.arena.copy<uint32_t>(peer.words.empty() ? none : peer.words);
    e.state = peer.words.empty() ? kClosed : kEstablished;
    std::array<char, IF_NAMESIZE> name{};
    if (scope != 0 && if_indextoname(scope, name.data()) != nullptr)
      e.ifname = context.arena.text(name.data());
  }

  // Of one that listens these two are its queue: tcp_get_info(), net/ipv4/tcp.c.
  void note_listening(const files::DumpContext& context, const files::OpenFile& f,
                      const tcp_info& info, InetSkEntry& e) {
    e.backlog = info.tcpi_sacked;
    if (is_external(e)) return;  // others accept them
    if (info.tcpi_unacked != 0 && !context.options.skip_in_flight)
      fail_for_now("{}: {} connections wait to be accepted: use --skip-in-flight to drop them",
                   f.who(), info.tcpi_unacked);
    listening_.emplace(static_cast<uint16_t>(e.src_port), f.who());
  }

  void refuse_new(const std::vector<TcpDiag>& in_flight) const {
    for (const TcpDiag& diag : in_flight)
      if (const auto it = listening_.find(diag.port);
          it != listening_.end() && diag.state == kSynReceived)
        fail_for_now("{}: a connection is being made to it: use --skip-in-flight to drop it",
                     it->second);
  }

  // It would take connections from who has no key.
  void refuse_signing(const TcpSockets& sockets) const {
    for (const auto& [inode, diag] : sockets.by_inode)
      if (const auto it = listening_.find(diag.port);
          it != listening_.end() && diag.state == kListening && diag.is_signed)
        fail("{}: what it sends is signed by a key (TCP_MD5SIG): not supported yet", it->second);
  }

  static bool is_external(const InetSkEntry& e) { return e.has_external && e.external; }

  // What a socket is bound or connected to stays when the address or the route goes; a new one
  // would not get it. (Loopback is there.)
  static void check_addresses(const files::OpenFile& f, const InetSkEntry& e) {
    const auto is_there = [](const uint32_t* words, size_t count) {
      return is_any(words, count) || is_loopback(words, count);
    };
    const bool has_peer = e.state == kEstablished;
    if (is_there(e.src_addr, e.n_src_addr) && (!has_peer || is_there(e.dst_addr, e.n_dst_addr)))
      return;
    try {
      RestoredInet(e).check_addresses();
    } catch (const Error& error) {
      fail_for_now("{}: its address, or the route to its peer, is gone from this machine: {}",
                   f.who(), error.what());
    }
  }

  // The outside would keep its port, and of a connection what is under repair. Not where the tree
  // keeps them itself.
  static void refuse_outside(files::DumpContext& context, const files::OpenFile& f,
                             const InetSkEntry& e) {
    const bool is_left = context.options.leave_running || context.options.leave_stopped;
    if (is_left || is_external(e) || e.src_port == 0 || e.type == SOCK_RAW) return;
    const bool is_alone = e.type == SOCK_STREAM && e.state != kClosed;  // also with SO_REUSEADDR
    if (e.opts == nullptr || !(e.opts->so_reuseport || (e.opts->reuseaddr && !is_alone)))
      context.refuse_shared_socket(f.link, f.who());
  }

  // Whether it is one of those that are looked at and stored together.
  bool note_state(files::DumpContext& context, const files::OpenFile& f, const std::string& who,
                  InetSkEntry& e) {
    const tcp_info info = connection_info(f.own.get(), who);
    e.state = info.tcpi_state;
    if (e.state == kListening) {
      note_listening(context, f, info, e);
    } else if (e.state == kClosed) {
      note_ended(context, e, f.own.get(), f.who());
    } else if (is_external(e) || context.options.tcp_close) {
      make_ended(e);
    } else if (!context.options.tcp_established) {
      fail("{}: a TCP connection (to port {}): use --tcp-established, or --tcp-close to end it",
           f.who(), e.dst_port);
    } else {
      connections_.add(f, who, e);
      return true;
    }
    return false;
  }

  // One question for all of a protocol. What has no port is not told of, and shows in poll(2)
  // unless it is shut down for sending alone.
  void note_shutdown(const files::OpenFile& f, InetSkEntry& e) {
    pollfd p{f.own.get(), POLLRDHUP, 0};
    if (poll(&p, 1, 0) < 0) fail_errno("cannot poll {}", f.who());
    if ((p.revents & (POLLHUP | POLLRDHUP)) != 0)
      CRIU_SET_OPTIONAL(&e, shutdown,
                        (p.revents & POLLHUP) != 0 ? SK_SHUTDOWN__BOTH : SK_SHUTDOWN__READ);
    if (e.proto != IPPROTO_UDP && e.proto != IPPROTO_UDPLITE) return;
    const auto protocol = static_cast<uint8_t>(e.proto);
    auto known = shut_down_.find(protocol);
    if (known == shut_down_.end()) {
      std::map<uint32_t, uint8_t> ways;
      try {
        ways = read_shut_down(protocol);
      } catch (const Error& error) {
        log::warn("{}: it comes back as if it had not been shut down: {}", f.who(), error.what());
      }
      known = shut_down_.emplace(protocol, std::move(ways)).first;
    }
    if (const auto way = known->second.find(e.ino); way != known->second.end())
      CRIU_SET_OPTIONAL(&e, shutdown, static_cast<SkShutdown>(way->second & 3));
  }

  MulticastGroups multicast_;
  BindOrder order_;
  std::map<uint8_t, std::map<uint32_t, uint8_t>> shut_down_;  // by protocol, by inode
  TcpDump connections_;
  std::map<uint16_t, std::string> listening_;  // by port
  TcpRestore restored_;
  SharedPorts ports_;
};

const files::KindRegistration registration([] { return std::make_unique<InetKind>(); });

}  // namespace

}  // namespace criu::net
