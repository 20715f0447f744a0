// SPDX-License-Identifier: GPL-2.0-only
//
// Sockets of the internet families that are no connections: TCP sockets that listen, are bound or
// neither, and UDP sockets, also connected ones. What stands in the queue of a UDP socket is lost,
// as datagrams may be.

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <vector>

#include "criu/base/error.h"
#include "criu/files/file-kind.h"
#include "criu/net/inet-options.h"
#include "criu/net/socket-options.h"

namespace criu::net {

namespace {

// linux/tcp.h has no header for these that goes with the libc's: include/net/tcp_states.h.
constexpr uint32_t kEstablished = 1, kClosed = 7, kListening = 10;

// An address of either family, as the images have it: words in network order.
struct Address {
  std::vector<uint32_t> words;
  uint32_t port = 0;

  bool is_any() const {
    for (const uint32_t word : words)
      if (word != 0) return false;
    return true;
  }
};

union SocketAddress {
  sockaddr any;
  sockaddr_in v4;
  sockaddr_in6 v6;
};

Address address_of(const SocketAddress& a, uint32_t& scope) {
  Address address;
  if (a.any.sa_family == AF_INET) {
    address.words = {a.v4.sin_addr.s_addr};
    address.port = ntohs(a.v4.sin_port);
  } else {
    address.words.resize(4);
    memcpy(address.words.data(), &a.v6.sin6_addr, sizeof a.v6.sin6_addr);
    address.port = ntohs(a.v6.sin6_port);
    scope = a.v6.sin6_scope_id;
  }
  return address;
}

class RestoredInet : public files::RestoredEntry<InetSkEntry> {
 public:
  using RestoredEntry::RestoredEntry;

  UniqueFd open() override {
    UniqueFd fd(socket(static_cast<int>(entry_.family),
                       static_cast<int>(entry_.type) | SOCK_CLOEXEC,
                       static_cast<int>(entry_.proto)));
    if (!fd) fail_errno("cannot make {}", who());
    bind(fd.get());
    set_inet_options(fd.get(), entry_, who());
    if (entry_.state == kListening && listen(fd.get(), static_cast<int>(entry_.backlog)) < 0)
      fail_errno("cannot listen on {}", who());
    if (entry_.state == kEstablished) connect(fd.get());
    set_socket_options(fd.get(), *entry_.opts, who());
    if (entry_.has_shutdown && entry_.shutdown != SK_SHUTDOWN__NONE)
      shutdown(fd.get(), entry_.shutdown - 1);
    if (entry_.has_uid && entry_.has_gid && fchown(fd.get(), entry_.uid, entry_.gid) < 0)
      fail_errno("cannot give {} to its owner", who());
    files::set_status_flags(fd.get(), entry_.flags, who());
    return fd;
  }

 private:
  std::string who() const { return fmt::format("socket {} (port {})", entry_.id, entry_.src_port); }

  SocketAddress address(const uint32_t* words, uint32_t port, socklen_t& size) const {
    SocketAddress a{};
    if (entry_.family == AF_INET) {
      a.v4.sin_family = AF_INET;
      a.v4.sin_port = htons(static_cast<uint16_t>(port));
      a.v4.sin_addr.s_addr = words[0];
      size = sizeof a.v4;
    } else {
      a.v6.sin6_family = AF_INET6;
      a.v6.sin6_port = htons(static_cast<uint16_t>(port));
      memcpy(&a.v6.sin6_addr, words, sizeof a.v6.sin6_addr);
      a.v6.sin6_scope_id = entry_.ifname == nullptr ? 0 : if_nametoindex(entry_.ifname);
      size = sizeof a.v6;
    }
    return a;
  }

  // Connections of before may still be on their way out, and others of the tree have the same port:
  // what the socket has of these options is set afterwards.
  void bind(int fd) const {
    set_options_for_bind(fd, entry_, who());
    if (const char* device = entry_.opts->so_bound_dev; device != nullptr && *device != '\0')
      setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, device, static_cast<socklen_t>(strlen(device)));
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1, who());
    if (entry_.opts->has_so_reuseport && entry_.opts->so_reuseport)
      set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1, who());
    if (entry_.src_port != 0 || !is_any()) {
      socklen_t size = 0;
      const SocketAddress a = address(entry_.src_addr, entry_.src_port, size);
      if (::bind(fd, &a.any, size) < 0) fail_errno("cannot bind {}", who());
    }
    set_option(fd, SOL_SOCKET, SO_REUSEADDR, entry_.opts->has_reuseaddr && entry_.opts->reuseaddr,
               who());
  }
  bool is_any() const {
    for (size_t i = 0; i < entry_.n_src_addr; i++)
      if (entry_.src_addr[i] != 0) return false;
    return true;
  }
  void connect(int fd) const {
    socklen_t size = 0;
    const SocketAddress a = address(entry_.dst_addr, entry_.dst_port, size);
    if (::connect(fd, &a.any, size) < 0) fail_errno("cannot connect {}", who());
  }
};

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
    e->id = entry->id;
    e->ino = static_cast<uint32_t>(f.st.st_ino);
    e->family = static_cast<uint32_t>(socket_domain(f));
    e->type = static_cast<uint32_t>(get_option(fd, SOL_SOCKET, SO_TYPE, f.who()));
    e->proto = static_cast<uint32_t>(get_option(fd, SOL_SOCKET, SO_PROTOCOL, f.who()));
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    check_protocol(f, *e);
    note_addresses(context, f, *e);
    note_state(f, *e);
    e->opts = read_socket_options(context.arena, fd, f.who());
    read_inet_options(context.arena, *e, fd, f.who());
    CRIU_SET_OPTIONAL(e, uid, f.st.st_uid);
    CRIU_SET_OPTIONAL(e, gid, f.st.st_gid);
    entry->isk = e;
  }

  std::unique_ptr<files::RestoredFile> read(files::RestoreContext&,
                                            const FileEntry& entry) override {
    const InetSkEntry* e = entry.isk;
    if (e == nullptr) fail("file {} in files.img is no internet socket", entry.id);
    const size_t words = e->family == AF_INET ? 1 : 4;
    if ((e->family != AF_INET && e->family != AF_INET6) || e->n_src_addr < words ||
        (e->state == kEstablished && e->n_dst_addr < words))
      fail("file {} in files.img has no address of an internet socket", entry.id);
    if (e->state != kListening && e->state != kClosed &&
        !(e->type == SOCK_DGRAM && e->state == kEstablished))
      fail("socket {} was a TCP connection: not supported yet", e->id);
    return std::make_unique<RestoredInet>(*e);
  }

 private:
  static void check_protocol(const files::OpenFile& f, const InetSkEntry& e) {
    const bool tcp = e.type == SOCK_STREAM && e.proto == IPPROTO_TCP;
    const bool udp = e.type == SOCK_DGRAM && (e.proto == IPPROTO_UDP || e.proto == IPPROTO_UDPLITE);
    if (!tcp && !udp)
      fail("{}: an internet socket of type {} and protocol {} is not supported yet", f.who(),
           e.type, e.proto);
  }

  // The address by one of getsockname(2) and getpeername(2); none: not connected.
  template <typename Call>
  static Address ask(Call call, int fd, uint32_t& scope) {
    SocketAddress a{};
    socklen_t size = sizeof a;
    if (call(fd, &a.any, &size) < 0) return {};
    return address_of(a, scope);
  }

  static void note_addresses(files::DumpContext& context, const files::OpenFile& f,
                             InetSkEntry& e) {
    uint32_t scope = 0;
    const Address own = ask(getsockname, f.own.get(), scope),
                  peer = ask(getpeername, f.own.get(), scope);
    if (own.words.empty()) fail_errno("cannot read the address of {}", f.who());
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

  static void note_state(const files::OpenFile& f, InetSkEntry& e) {
    if (e.type != SOCK_STREAM) return;
    tcp_info info{};
    socklen_t size = sizeof info;
    if (getsockopt(f.own.get(), IPPROTO_TCP, TCP_INFO, &info, &size) < 0)
      fail_errno("cannot read the state of {}", f.who());
    e.state = info.tcpi_state;
    if (e.state != kListening && e.state != kClosed)
      fail("{}: a TCP connection (to port {}) is not supported yet", f.who(), e.dst_port);
    if (e.state != kListening) return;
    // Of one that listens these two are its queue: tcp_get_info(), net/ipv4/tcp.c.
    e.backlog = info.tcpi_sacked;
    if (info.tcpi_unacked != 0)
      fail("{}: {} connections wait to be accepted: not supported yet", f.who(), info.tcpi_unacked);
  }
};

const files::KindRegistration registration([] { return std::make_unique<InetKind>(); });

}  // namespace

}  // namespace criu::net
