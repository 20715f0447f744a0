// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/datagram-restore.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <linux/sock_diag.h>
#include <netinet/udp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/net/socket-options.h"
#include "criu/net/tcp-repair.h"

namespace criu::net {

namespace {

using Words = std::vector<uint32_t>;

bool is_any(const Words& words) {
  return std::all_of(words.begin(), words.end(), [](uint32_t word) { return word == 0; });
}

Words loopback(bool v4) {
  if (v4) return {htonl(INADDR_LOOPBACK)};
  Words words(4);
  memcpy(words.data(), &in6addr_loopback, sizeof in6addr_loopback);
  return words;
}

// A sockaddr_in or sockaddr_in6 of an image. One of IPv4 in IPv6 is one of IPv4.
std::optional<InetAddress> parse(const ProtobufCBinaryData& bytes, uint32_t& scope) {
  SocketAddress a{};
  if (bytes.len != sizeof a.v4 && bytes.len != sizeof a.v6) return std::nullopt;
  memcpy(&a, bytes.data, bytes.len);
  if (a.any.sa_family != (bytes.len == sizeof a.v4 ? AF_INET : AF_INET6)) return std::nullopt;
  InetAddress address = inet_address_of(a, scope);
  address.words = plain_words(address.words.data(), address.words.size());
  return address;
}

bool is_in_loopback_net(const Words& words) {
  constexpr uint8_t kLoopbackNet = 127;
  return words.size() == 1 && (ntohl(words[0]) >> 24) == kLoopbackNet;
}

// What is sent to an address from here comes, for a socket that is bound to a device, by the one
// that has the address.
bool is_of_device(const Words& words, std::string_view device) {
  if (device == "lo" && is_in_loopback_net(words)) return true;
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) < 0) return false;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owned(all, freeifaddrs);
  for (const ifaddrs* i = all; i != nullptr; i = i->ifa_next) {
    if (device != i->ifa_name || i->ifa_addr == nullptr) continue;
    const int family = i->ifa_addr->sa_family;
    if (family != AF_INET && family != AF_INET6) continue;
    SocketAddress a{};
    memcpy(&a, i->ifa_addr, family == AF_INET ? sizeof a.v4 : sizeof a.v6);
    uint32_t scope = 0;
    if (inet_address_of(a, scope).words == words) return true;
  }
  return false;
}

// What is sent to it stays here. The kernel chooses as the source the address itself where that is
// its own, and of 127.0.0.0/8 always the first.
bool is_of_this_machine(const RawHeader& h) {
  if (is_in_loopback_net(h.to)) return true;
  const bool v4 = h.to.size() == 1;
  const UniqueFd probe(socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  SocketAddress a{};
  socklen_t size = v4 ? sizeof a.v4 : sizeof a.v6;
  a.any.sa_family = v4 ? AF_INET : AF_INET6;
  if (v4) {
    a.v4.sin_addr.s_addr = h.to[0], a.v4.sin_port = htons(1);
  } else {
    memcpy(&a.v6.sin6_addr, h.to.data(), sizeof a.v6.sin6_addr);
    a.v6.sin6_port = htons(1), a.v6.sin6_scope_id = h.scope;
  }
  if (!probe || ::connect(probe.get(), &a.any, size) < 0 ||
      getsockname(probe.get(), &a.any, &size) < 0)
    return false;
  uint32_t scope = 0;
  return inet_address_of(a, scope).words == h.to;
}

// Bytes that the kernel counts for what is queued.
uint32_t held(int fd) {
  std::array<uint32_t, SK_MEMINFO_VARS> memory{};
  socklen_t size = sizeof memory;
  if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, memory.data(), &size) < 0)
    fail_errno("cannot see what comes in");
  return memory[SK_MEMINFO_RMEM_ALLOC];
}

// What arrives is delivered by a soft interrupt, which may be late. A queue of which much does not
// arrive is not waited for each time.
class Patience {
 public:
  bool is_left() {
    if (looks_ == 0) return false;
    looks_--;
    usleep(kPauseUs);
    return true;
  }

 private:
  static constexpr useconds_t kPauseUs = 1000;
  int looks_ = 300;
};

}  // namespace

RestoredDatagrams::RestoredDatagrams(const InetSkEntry& entry,
                                     const std::vector<files::StoredMessage>& queue)
    : RestoredInet(entry) {
  for (const files::StoredMessage& message : queue) queue_.push_back(read(message));
}

RestoredDatagrams::Datagram RestoredDatagrams::read(const files::StoredMessage& message) const {
  const SkPacketEntry& e = *message.entry;
  constexpr uint32_t kUsualHops = 64, kMost = UINT8_MAX;
  constexpr size_t kLongest = UINT16_MAX - sizeof(udphdr);
  Datagram d{{}, {}, 0, kUsualHops, 0, message.data};
  uint32_t from_scope = 0;
  const auto from = e.has_addr ? parse(e.addr, from_scope) : std::nullopt;
  const auto to = e.has_to ? parse(e.to, d.scope) : InetAddress{};
  const bool is_udp =
      entry_.type == SOCK_DGRAM && (entry_.proto == IPPROTO_UDP || entry_.proto == IPPROTO_UDPLITE);
  if (!is_udp || !from || !to || (entry_.family == AF_INET && from->words.size() != 1) ||
      (!to->words.empty() && to->words.size() != from->words.size()) || e.hops > kMost ||
      e.traffic_class > kMost || message.data.size() > kLongest)
    fail("sk-queues.img has a message of {} that is no datagram", who());
  d.from = *from, d.to = *to;
  if (e.has_hops) d.hops = static_cast<uint8_t>(e.hops);
  if (e.has_traffic_class) d.traffic_class = static_cast<uint8_t>(e.traffic_class);
  return d;
}

// A connected socket gets what its peer sends before all others of its port, and nothing else:
// where it has more, that came before it was connected.
UniqueFd RestoredDatagrams::open() {
  UniqueFd fd = make();
  close_to_others(fd.get());
  widen_receive(fd.get());
  settle(fd.get());
  const bool is_connected = entry_.state == kEstablished, connects_first = are_from_peer();
  size_t lost = 0;
  if (!connects_first) lost = fill(fd.get(), false);
  if (is_connected) connect(fd.get());
  if (connects_first) lost = fill(fd.get(), true);
  finish(fd.get());
  if (lost != 0 && entry_.has_peek_off) set_option(fd.get(), SOL_SOCKET, SO_PEEK_OFF, 0, who());
  return fd;
}

bool RestoredDatagrams::are_from_peer() const {
  if (entry_.state != kEstablished) return false;
  const Words peer = plain_words(entry_.dst_addr, entry_.n_dst_addr);
  return std::all_of(queue_.begin(), queue_.end(), [&](const Datagram& d) {
    return d.from.words == peer && d.from.port == entry_.dst_port;
  });
}

size_t RestoredDatagrams::fill(int fd, bool is_connected) const {
  size_t lost = 0;
  std::string why;
  const auto lose = [&](size_t count, const Error& error) {
    if (lost == 0) why = error.what();
    lost += count;
  };
  std::optional<RawSender> senders[2];
  Patience patience;
  try {
    struct stat st {};
    if (fstat(fd, &st) < 0) fail_errno("cannot look at it");
    std::vector<PortUser> others =
        read_port_users(static_cast<uint8_t>(entry_.proto), static_cast<uint16_t>(entry_.src_port));
    std::erase_if(others, [&](const PortUser& user) { return user.inode == st.st_ino; });
    for (const Datagram& d : queue_) {
      try {
        const RawHeader header = header_of(d);
        check_rivals(d, header, others, is_connected);
        const bool v4 = header.to.size() == 1;
        if (!senders[v4]) senders[v4].emplace(v4, who());
        const uint32_t before = held(fd);
        senders[v4]->send(header, build_packet(header, payload_of(d, header), who()));
        while (held(fd) == before)
          if (!patience.is_left()) fail("they do not arrive: does a firewall drop them?");
      } catch (const Error& error) {
        lose(1, error);
      }
    }
  } catch (const Error& error) {
    lose(queue_.size(), error);
  }
  if (lost != 0)
    log::warn("{}: {} of {} datagrams that were not read are lost: {}", who(), lost, queue_.size(),
              why);
  return lost;
}

RawHeader RestoredDatagrams::header_of(const Datagram& d) const {
  RawHeader h;
  h.from = d.from.words;
  h.protocol = static_cast<uint8_t>(entry_.proto);
  h.hops = d.hops, h.traffic_class = d.traffic_class;
  const Words own = plain_words(entry_.src_addr, entry_.n_src_addr);
  const bool has_any = is_any(own);
  if (!has_any && own.size() != h.from.size()) fail("it came from an address of another family");
  h.to = has_any ? d.to.words : own;
  h.scope = has_any || d.to.words == own ? d.scope : 0;
  if (h.to.empty() || !is_of_this_machine(h)) {
    // What was sent to many comes to the address that all of these sockets have.
    if (!has_any) fail("its address is none that can be sent to from here");
    h.to = loopback(h.from.size() == 1);
    h.scope = 0;
  }
  const char* device = entry_.opts->so_bound_dev;
  if (device != nullptr && *device != '\0' && !is_of_device(h.to, device))
    fail("it is bound to the device {}, and they came to another address than its own", device);
  return h;
}

void RestoredDatagrams::check_rivals(const Datagram& d, const RawHeader& h,
                                     const std::vector<PortUser>& others, bool is_connected) const {
  for (const PortUser& user : others) {
    const Words own = plain_words(user.own.words.data(), user.own.words.size());
    const bool v4_datagram = h.to.size() == 1;
    const bool takes = is_any(own)
                           ? user.own.words.size() == h.to.size() || (v4_datagram && !user.v6_only)
                           : own == h.to;
    if (!takes) continue;
    const bool has_peer = user.peer.port != 0;
    if (has_peer && (user.peer.port != d.from.port ||
                     plain_words(user.peer.words.data(), user.peer.words.size()) != d.from.words))
      continue;
    if (is_connected && !has_peer) continue;
    fail("another socket of port {} could get them", entry_.src_port);
  }
}

// All of it is in the checksum, of which UDP-Lite says so by a length of 0.
std::vector<uint8_t> RestoredDatagrams::payload_of(const Datagram& d, const RawHeader& h) const {
  udphdr udp{};
  const size_t size = sizeof udp + d.data.size();
  udp.source = htons(static_cast<uint16_t>(d.from.port));
  udp.dest = htons(static_cast<uint16_t>(entry_.src_port));
  if (entry_.proto == IPPROTO_UDP) udp.len = htons(static_cast<uint16_t>(size));
  std::vector<uint8_t> payload;
  append(payload, &udp, sizeof udp);
  append(payload, d.data.data(), d.data.size());
  const uint16_t sum = checksum_of(h, payload);
  udp.check = sum == 0 ? 0xffff : sum;  // 0 would be none
  memcpy(payload.data(), &udp, sizeof udp);
  return payload;
}

}  // namespace criu::net
