// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/inet-options.h"

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <sys/socket.h>

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/log.h"
#include "criu/net/socket-options.h"
#include "criu/net/tcp-repair.h"

namespace criu::net {

namespace {

struct Option {
  int level, name;
  // Means nothing once the socket is bound, or cannot be set when it is bound to another device.
  bool for_bind = false;

  bool is(int its_level, int its_name) const { return level == its_level && name == its_name; }
};

constexpr int kRaw = 255;                                 // SOL_RAW, linux/socket.h
constexpr int kSendCoverage = 10, kReceiveCoverage = 11;  // UDPLITE_*_CSCOV, net/udplite.h

// linux/in.h and linux/tcp.h, of later kernels.
constexpr int kLocalPortRange = 51, kRtoMaxMs = 44, kRtoMinUs = 45, kDelayedAckMaxUs = 46;

// Numbers, TCP_CONGESTION, which is a text, and filters. Not those that show a state, nor what no
// getsockopt(2) gives back as it was set.
constexpr std::array kOptions = {
    Option{IPPROTO_IP, IP_FREEBIND, true},
    Option{IPPROTO_IP, IP_TRANSPARENT, true},
    Option{IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, true},
    Option{SOL_SOCKET, SO_PEEK_OFF},
    Option{SOL_SOCKET, SO_MAX_PACING_RATE},
    Option{SOL_SOCKET, SO_TXTIME},
    Option{SOL_SOCKET, SO_INCOMING_CPU},
    Option{SOL_SOCKET, SO_TXREHASH},
    Option{IPPROTO_IP, IP_OPTIONS},
    Option{IPPROTO_IP, IP_ROUTER_ALERT},
    Option{IPPROTO_IP, IP_RECVERR_RFC4884},
    Option{IPPROTO_IP, kLocalPortRange},
    Option{IPPROTO_IP, IP_TOS},
    Option{IPPROTO_IP, IP_TTL},
    Option{IPPROTO_IP, IP_RECVTOS},
    Option{IPPROTO_IP, IP_RECVTTL},
    Option{IPPROTO_IP, IP_RECVOPTS},
    Option{IPPROTO_IP, IP_RETOPTS},
    Option{IPPROTO_IP, IP_PKTINFO},
    Option{IPPROTO_IP, IP_RECVERR},
    Option{IPPROTO_IP, IP_RECVORIGDSTADDR},
    Option{IPPROTO_IP, IP_MTU_DISCOVER},
    Option{IPPROTO_IP, IP_MINTTL},
    Option{IPPROTO_IP, IP_MULTICAST_TTL},
    Option{IPPROTO_IP, IP_MULTICAST_LOOP},
    Option{IPPROTO_IP, IP_MULTICAST_ALL},
    Option{IPPROTO_IP, IP_MULTICAST_IF, true},
    Option{IPPROTO_IP, IP_UNICAST_IF, true},
    Option{IPPROTO_IP, IP_HDRINCL},
    Option{IPPROTO_IP, IP_NODEFRAG},
    Option{IPPROTO_IP, IP_PASSSEC},
    Option{IPPROTO_IP, IP_CHECKSUM},
    Option{IPPROTO_IP, IP_RECVFRAGSIZE},
    Option{IPPROTO_IPV6, IPV6_V6ONLY, true},
    Option{IPPROTO_IPV6, IPV6_FREEBIND, true},
    Option{IPPROTO_IPV6, IPV6_TRANSPARENT, true},
    Option{IPPROTO_IPV6, IPV6_UNICAST_HOPS},
    Option{IPPROTO_IPV6, IPV6_MULTICAST_HOPS},
    Option{IPPROTO_IPV6, IPV6_MULTICAST_LOOP},
    Option{IPPROTO_IPV6, IPV6_MULTICAST_IF, true},
    Option{IPPROTO_IPV6, IPV6_TCLASS},
    Option{IPPROTO_IPV6, IPV6_MTU_DISCOVER},
    Option{IPPROTO_IPV6, IPV6_RECVPKTINFO},
    Option{IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
    Option{IPPROTO_IPV6, IPV6_RECVTCLASS},
    Option{IPPROTO_IPV6, IPV6_RECVERR},
    Option{IPPROTO_IPV6, IPV6_MULTICAST_ALL},
    Option{IPPROTO_IPV6, IPV6_UNICAST_IF, true},
    Option{IPPROTO_IPV6, IPV6_RECVORIGDSTADDR},
    Option{IPPROTO_IPV6, IPV6_RECVFRAGSIZE},
    Option{IPPROTO_IPV6, IPV6_RECVERR_RFC4884},
    Option{IPPROTO_IPV6, IPV6_RECVHOPOPTS},
    Option{IPPROTO_IPV6, IPV6_RECVDSTOPTS},
    Option{IPPROTO_IPV6, IPV6_RECVRTHDR},
    Option{IPPROTO_IPV6, IPV6_RECVPATHMTU},
    Option{IPPROTO_IPV6, IPV6_2292PKTINFO},
    Option{IPPROTO_IPV6, IPV6_2292HOPOPTS},
    Option{IPPROTO_IPV6, IPV6_2292DSTOPTS},
    Option{IPPROTO_IPV6, IPV6_2292RTHDR},
    Option{IPPROTO_IPV6, IPV6_2292HOPLIMIT},
    Option{IPPROTO_IPV6, IPV6_FLOWINFO},
    Option{IPPROTO_IPV6, IPV6_FLOWINFO_SEND},
    Option{IPPROTO_IPV6, IPV6_AUTOFLOWLABEL},
    Option{IPPROTO_IPV6, IPV6_ROUTER_ALERT_ISOLATE},
    Option{IPPROTO_IPV6, IPV6_HOPOPTS},
    Option{IPPROTO_IPV6, IPV6_RTHDRDSTOPTS},
    Option{IPPROTO_IPV6, IPV6_RTHDR},
    Option{IPPROTO_IPV6, IPV6_DSTOPTS},
    Option{IPPROTO_IPV6, IPV6_DONTFRAG},
    Option{IPPROTO_IPV6, IPV6_ADDR_PREFERENCES},
    Option{IPPROTO_IPV6, IPV6_MINHOPCOUNT},
    Option{IPPROTO_IPV6, IPV6_HDRINCL},
    Option{IPPROTO_TCP, TCP_NODELAY},
    Option{IPPROTO_TCP, TCP_CORK},
    Option{IPPROTO_TCP, TCP_KEEPIDLE},
    Option{IPPROTO_TCP, TCP_KEEPINTVL},
    Option{IPPROTO_TCP, TCP_KEEPCNT},
    Option{IPPROTO_TCP, TCP_SYNCNT},
    Option{IPPROTO_TCP, TCP_LINGER2},
    Option{IPPROTO_TCP, TCP_DEFER_ACCEPT},
    Option{IPPROTO_TCP, TCP_USER_TIMEOUT},
    Option{IPPROTO_TCP, TCP_NOTSENT_LOWAT},
    Option{IPPROTO_TCP, TCP_FASTOPEN},
    Option{IPPROTO_TCP, TCP_FASTOPEN_CONNECT},
    Option{IPPROTO_TCP, TCP_SAVE_SYN},
    Option{IPPROTO_TCP, TCP_FASTOPEN_KEY},
    Option{IPPROTO_TCP, TCP_MAXSEG},
    Option{IPPROTO_TCP, TCP_WINDOW_CLAMP},
    Option{IPPROTO_TCP, TCP_THIN_LINEAR_TIMEOUTS},
    Option{IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE},
    Option{IPPROTO_TCP, TCP_INQ},
    Option{IPPROTO_TCP, TCP_TX_DELAY},
    Option{IPPROTO_TCP, kRtoMaxMs},
    Option{IPPROTO_TCP, kRtoMinUs},
    Option{IPPROTO_TCP, kDelayedAckMaxUs},
    Option{IPPROTO_TCP, TCP_CONGESTION},
    Option{IPPROTO_UDP, UDP_CORK},
    Option{IPPROTO_UDP, UDP_ENCAP},
    Option{IPPROTO_UDP, UDP_SEGMENT},
    Option{IPPROTO_UDP, UDP_GRO},
    Option{IPPROTO_UDP, UDP_NO_CHECK6_TX},
    Option{IPPROTO_UDP, UDP_NO_CHECK6_RX},
    Option{IPPROTO_UDPLITE, UDP_CORK},
    Option{IPPROTO_UDPLITE, UDP_SEGMENT},
    Option{IPPROTO_UDPLITE, UDP_GRO},
    Option{IPPROTO_UDPLITE, UDP_NO_CHECK6_TX},
    Option{IPPROTO_UDPLITE, UDP_NO_CHECK6_RX},
    Option{IPPROTO_UDPLITE, kSendCoverage},
    Option{IPPROTO_UDPLITE, kReceiveCoverage},
    Option{IPPROTO_ICMPV6, ICMPV6_FILTER},
    Option{kRaw, ICMP_FILTER},
    Option{kRaw, IPV6_CHECKSUM},
};

// Longer than any but headers of IPv6 that are longer than most; zeros behind `size`.
struct Value {
  std::array<uint8_t, 128> bytes{};
  socklen_t size = 0;

  bool operator==(const Value&) const = default;
};

// Nothing where that socket has no such option.
std::optional<Value> get(int fd, const Option& option, const std::string& who) {
  Value value;
  value.size = value.bytes.size();
  if (!ask_option(fd, option.level, option.name, value.bytes.data(), value.size, who))
    return std::nullopt;
  return value;
}

uint32_t number_of(const Value& value) {
  uint32_t number = 0;
  memcpy(&number, value.bytes.data(), std::min<size_t>(value.size, sizeof number));
  return number;
}

Value value_of(uint32_t number) {
  Value value;
  memcpy(value.bytes.data(), &number, sizeof number);
  value.size = sizeof number;
  return value;
}

Value value_of(const std::string& name) {
  constexpr size_t kName = 16;  // TCP_CA_NAME_MAX, include/net/tcp.h
  Value value;
  name.copy(reinterpret_cast<char*>(value.bytes.data()), kName - 1);
  value.size = kName;
  return value;
}

std::optional<Value> find_told(const inet_diag_sockopt& flags, const Option& option) {
  if (option.level != IPPROTO_IP) return std::nullopt;
  switch (option.name) {
    case IP_FREEBIND:
      return value_of(flags.freebind);
    case IP_TRANSPARENT:
      return value_of(flags.transparent);
    case IP_BIND_ADDRESS_NO_PORT:
      return value_of(flags.bind_address_no_port);
    case IP_RECVERR:
      return value_of(flags.recverr);
    case IP_MULTICAST_LOOP:
      return value_of(flags.mc_loop);
    case IP_MULTICAST_ALL:
      return value_of(flags.mc_all);
    default:
      return std::nullopt;
  }
}

std::optional<Value> find_told(const ToldOptions& told, const Option& option) {
  if (told.tos && option.is(IPPROTO_IP, IP_TOS)) return value_of(*told.tos);
  if (told.traffic_class && option.is(IPPROTO_IPV6, IPV6_TCLASS))
    return value_of(*told.traffic_class);
  if (told.congestion && option.is(IPPROTO_TCP, TCP_CONGESTION)) return value_of(*told.congestion);
  return told.flags ? find_told(*told.flags, option) : std::nullopt;
}

// Of a connection the kernel shows what its first segment came by, and lets nobody set it. The
// others it lets nobody set either.
bool is_of_datagrams(const Option& option) {
  return option.is(IPPROTO_IP, IP_MULTICAST_TTL) || option.is(IPPROTO_IP, IP_MULTICAST_IF) ||
         option.is(IPPROTO_IP, IP_HDRINCL) || option.is(IPPROTO_IP, IP_NODEFRAG) ||
         option.is(IPPROTO_IP, IP_RECVFRAGSIZE) || option.is(IPPROTO_IPV6, IPV6_MULTICAST_HOPS) ||
         option.is(IPPROTO_IPV6, IPV6_MULTICAST_IF);
}

bool applies(const Option& option, const InetSkEntry& e) {
  if (e.type == SOCK_STREAM && is_of_datagrams(option)) return false;
  if (option.level == IPPROTO_IPV6) return e.family == AF_INET6;
  if (option.level == IPPROTO_IP || option.level == SOL_SOCKET) return true;
  // Of ICMPv6 there is the checksum at that level only.
  if (option.level == kRaw && option.name == IPV6_CHECKSUM)
    return e.type == SOCK_RAW && e.family == AF_INET6;
  if (option.level == kRaw) return e.type == SOCK_RAW && e.proto == IPPROTO_ICMP;
  return option.level == static_cast<int>(e.proto);
}

// What a connection has found out by itself, wherever it was set before; or what it can have from
// who listened, and set no more.
bool shows_state(const Option& option, const InetSkEntry& e, int fd, const std::string& who) {
  if (e.type != SOCK_STREAM || e.state == kListening) return false;
  if (option.is(IPPROTO_TCP, TCP_MAXSEG) && e.state == kClosed)
    return connection_info(fd, who).tcpi_segs_out != 0;  // it has been one
  return e.state != kClosed &&
         (option.is(SOL_SOCKET, SO_INCOMING_CPU) || option.is(IPPROTO_TCP, TCP_MAXSEG) ||
          option.is(IPPROTO_TCP, TCP_FASTOPEN) || option.is(IPPROTO_TCP, TCP_FASTOPEN_KEY) ||
          option.is(IPPROTO_TCP, TCP_FASTOPEN_CONNECT) ||
          option.is(IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE));
}

// Where nobody has set it, a listening socket may tell of any size: net/ipv4/tcp.c.
bool can_be_set(const Option& option, const Value& value) {
  constexpr uint32_t kLeastSegment = 88, kLargestSegment = 32767;
  const uint32_t n = number_of(value);
  return !option.is(IPPROTO_TCP, TCP_MAXSEG) || (n >= kLeastSegment && n <= kLargestSegment);
}

// Those that the format has a field for.
void note(InetSkEntry& e, const Option& option, const Value& value) {
  const uint32_t n = number_of(value);
  if (option.is(IPPROTO_IP, IP_FREEBIND)) CRIU_SET_OPTIONAL(e.ip_opts, freebind, n != 0);
  if (option.is(IPPROTO_IP, IP_TOS)) CRIU_SET_OPTIONAL(e.ip_opts, tos, n);
  if (option.is(IPPROTO_IP, IP_TTL)) CRIU_SET_OPTIONAL(e.ip_opts, ttl, n);
  if (option.is(IPPROTO_IP, IP_PKTINFO)) CRIU_SET_OPTIONAL(e.ip_opts, pktinfo, n != 0);
  if (IpOptsRawEntry* raw = e.ip_opts->raw; raw != nullptr) {
    if (option.is(IPPROTO_IP, IP_HDRINCL)) CRIU_SET_OPTIONAL(raw, hdrincl, n != 0);
    if (option.is(IPPROTO_IP, IP_NODEFRAG)) CRIU_SET_OPTIONAL(raw, nodefrag, n != 0);
    if (option.is(IPPROTO_IP, IP_CHECKSUM)) CRIU_SET_OPTIONAL(raw, checksum, n != 0);
    if (option.is(kRaw, ICMP_FILTER)) {
      raw->n_icmpv_filter = 1;
      raw->icmpv_filter[0] = n;
    }
  }
  if (option.is(IPPROTO_TCP, TCP_NODELAY)) CRIU_SET_OPTIONAL(e.tcp_opts, nodelay, n != 0);
  if (option.is(IPPROTO_TCP, TCP_CORK)) CRIU_SET_OPTIONAL(e.tcp_opts, cork, n != 0);
  // Older readers look for these three among those of all families.
  if (option.is(IPPROTO_TCP, TCP_KEEPCNT)) {
    CRIU_SET_OPTIONAL(e.tcp_opts, keepcnt, n);
    CRIU_SET_OPTIONAL(e.opts, tcp_keepcnt, n);
  } else if (option.is(IPPROTO_TCP, TCP_KEEPIDLE)) {
    CRIU_SET_OPTIONAL(e.tcp_opts, keepidle, n);
    CRIU_SET_OPTIONAL(e.opts, tcp_keepidle, n);
  } else if (option.is(IPPROTO_TCP, TCP_KEEPINTVL)) {
    CRIU_SET_OPTIONAL(e.tcp_opts, keepintvl, n);
    CRIU_SET_OPTIONAL(e.opts, tcp_keepintvl, n);
  }
}

void set(int fd, uint32_t level, uint32_t name, const void* value, size_t size,
         const std::string& who) {
  if (setsockopt(fd, static_cast<int>(level), static_cast<int>(name), value,
                 static_cast<socklen_t>(size)) < 0)
    fail_errno("cannot set option {} of level {} of {}", name, level, who);
}

bool is_interface(const InetOptionEntry& o) {
  const Option option{static_cast<int>(o.level), static_cast<int>(o.name)};
  return option.is(IPPROTO_IP, IP_MULTICAST_IF) || option.is(IPPROTO_IP, IP_UNICAST_IF) ||
         option.is(IPPROTO_IPV6, IPV6_MULTICAST_IF) || option.is(IPPROTO_IPV6, IPV6_UNICAST_IF);
}

// The kernel keeps the number or the address of an interface that goes, and takes none that is not
// there: do_ip_setsockopt(), net/ipv4/ip_sockglue.c, do_ipv6_setsockopt(),
// net/ipv6/ipv6_sockglue.c.
bool set_interface(int fd, const InetOptionEntry& o, const std::string& who) {
  if (setsockopt(fd, static_cast<int>(o.level), static_cast<int>(o.name), o.value.data,
                 static_cast<socklen_t>(o.value.len)) == 0)
    return true;
  if (errno != ENODEV && errno != EADDRNOTAVAIL && errno != EINVAL) return false;
  log::warn("{}: the interface that it sends by is gone: it will send by any", who);
  return true;
}

bool is_for_bind(const InetOptionEntry& o) {
  for (const Option& option : kOptions)
    if (option.is(static_cast<int>(o.level), static_cast<int>(o.name))) return option.for_bind;
  return false;
}

void set_listed(int fd, const InetSkEntry& e, bool for_bind, const std::string& who) {
  for (size_t i = 0; i < e.n_option; i++)
    if (const InetOptionEntry& o = *e.option[i]; is_for_bind(o) == for_bind)
      if (!is_interface(o) || !set_interface(fd, o, who))
        set(fd, o.level, o.name, o.value.data, o.value.len, who);
}

// An option that such a socket has, and what a new one has of it.
struct Default {
  const Option* option;
  Value value;
};
using Defaults = std::vector<Default>;

// Asked for once. Sockets of one dump are of one network namespace, whose settings stay for as
// long.
const Defaults& defaults_of(const InetSkEntry& e, const std::string& who) {
  static std::mutex mutex;  // of what is added; what is known stays as it is
  static std::map<std::array<uint32_t, 3>, Defaults> known;
  const std::lock_guard lock(mutex);
  const std::array<uint32_t, 3> key{e.family, e.type, e.proto};
  if (const auto it = known.find(key); it != known.end()) return it->second;
  const UniqueFd fresh(socket(static_cast<int>(e.family), static_cast<int>(e.type) | SOCK_CLOEXEC,
                              static_cast<int>(e.proto)));
  if (!fresh) fail_errno("cannot make a socket like {}", who);
  Defaults all;
  for (const Option& option : kOptions) {
    if (!applies(option, e)) continue;
    if (const auto value = get(fresh.get(), option, who)) all.push_back({&option, *value});
  }
  return known.emplace(key, std::move(all)).first->second;
}

}  // namespace

void read_inet_options(image::Arena& arena, InetSkEntry& e, int fd, const std::string& who,
                       const ToldOptions& told) {
  e.ip_opts = arena.make<IpOptsEntry>();
  if (e.type == SOCK_RAW) {
    e.ip_opts->raw = arena.make<IpOptsRawEntry>();
    e.ip_opts->raw->icmpv_filter = arena.array<uint32_t>(1);
  }
  if (e.proto == IPPROTO_TCP) e.tcp_opts = arena.make<TcpOptsEntry>();
  std::vector<InetOptionEntry*> others;
  for (const auto& [option, fresh] : defaults_of(e, who)) {
    if (shows_state(*option, e, fd, who)) continue;
    auto value = find_told(told, *option);
    if (!value) value = get(fd, *option, who);
    if (!value) continue;
    if (value->size == value->bytes.size())
      fail("{}: option {} of level {} is longer than is supported yet", who, option->name,
           option->level);
    if (option->is(IPPROTO_IPV6, IPV6_V6ONLY))
      CRIU_SET_OPTIONAL(&e, v6only, number_of(*value) != 0);
    if (*value == fresh || !can_be_set(*option, *value)) continue;
    note(e, *option, *value);
    others.push_back(
        option_entry(arena, option->level, option->name, value->bytes.data(), value->size));
  }
  e.n_option = others.size();
  e.option = arena.copy<InetOptionEntry*>(others);
}

void set_options_for_bind(int fd, const InetSkEntry& e, const std::string& who) {
  // A raw socket has no port that others could have, and cannot be told.
  if (e.has_v6only && e.type != SOCK_RAW) set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, e.v6only, who);
  if (e.ip_opts != nullptr && e.ip_opts->has_freebind && e.ip_opts->freebind)
    set_option(fd, IPPROTO_IP, IP_FREEBIND, 1, who);
  set_listed(fd, e, true, who);
}

// First what other writers of images have, then what they have not.
void set_inet_options(int fd, const InetSkEntry& e, const std::string& who) {
  const auto number = [&](bool wanted, int level, int name, uint32_t value) {
    if (wanted) set_option(fd, level, name, static_cast<int>(value), who);
  };
  if (const IpOptsEntry* ip = e.ip_opts; ip != nullptr) {
    number(ip->has_tos && ip->tos != 0, IPPROTO_IP, IP_TOS, ip->tos);
    number(ip->has_ttl && ip->ttl != 0, IPPROTO_IP, IP_TTL, ip->ttl);
    number(ip->has_pktinfo && ip->pktinfo, IPPROTO_IP, IP_PKTINFO, 1);
    if (const IpOptsRawEntry* raw = ip->raw; raw != nullptr && e.type == SOCK_RAW) {
      number(raw->has_hdrincl && raw->hdrincl, IPPROTO_IP, IP_HDRINCL, 1);
      number(raw->has_nodefrag && raw->nodefrag, IPPROTO_IP, IP_NODEFRAG, 1);
      number(raw->has_checksum && raw->checksum, IPPROTO_IP, IP_CHECKSUM, 1);
      if (e.proto == IPPROTO_ICMP && raw->n_icmpv_filter == 1)
        number(true, kRaw, ICMP_FILTER, raw->icmpv_filter[0]);
    }
  }
  if (const TcpOptsEntry* tcp = e.tcp_opts; tcp != nullptr && e.proto == IPPROTO_TCP) {
    number(tcp->has_nodelay && tcp->nodelay, IPPROTO_TCP, TCP_NODELAY, 1);
    number(tcp->has_cork && tcp->cork, IPPROTO_TCP, TCP_CORK, 1);
    number(tcp->has_keepcnt && tcp->keepcnt != 0, IPPROTO_TCP, TCP_KEEPCNT, tcp->keepcnt);
    number(tcp->has_keepidle && tcp->keepidle != 0, IPPROTO_TCP, TCP_KEEPIDLE, tcp->keepidle);
    number(tcp->has_keepintvl && tcp->keepintvl != 0, IPPROTO_TCP, TCP_KEEPINTVL, tcp->keepintvl);
  }
  if (const SkOptsEntry& o = *e.opts; e.type == SOCK_STREAM && e.proto == IPPROTO_TCP) {
    number(o.has_tcp_keepcnt && o.tcp_keepcnt != 0, IPPROTO_TCP, TCP_KEEPCNT, o.tcp_keepcnt);
    number(o.has_tcp_keepidle && o.tcp_keepidle != 0, IPPROTO_TCP, TCP_KEEPIDLE, o.tcp_keepidle);
    number(o.has_tcp_keepintvl && o.tcp_keepintvl != 0, IPPROTO_TCP, TCP_KEEPINTVL,
           o.tcp_keepintvl);
  }
  set_listed(fd, e, false, who);
  // IP_TOS chooses a priority as well: __ip_sock_set_tos(), net/ipv4/ip_sockglue.c.
  number(e.ip_opts != nullptr && e.ip_opts->has_tos && e.ip_opts->tos != 0 &&
             e.opts->has_so_priority && e.opts->so_priority == 0,
         SOL_SOCKET, SO_PRIORITY, 0);
}

}  // namespace criu::net
