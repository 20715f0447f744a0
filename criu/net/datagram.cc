// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/datagram.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"
#include "criu/net/socket-options.h"
#include "criu/net/socket-queue.h"

namespace criu::net {

namespace {

bool is_udp(const InetSkEntry& e) {
  return e.type == SOCK_DGRAM && (e.proto == IPPROTO_UDP || e.proto == IPPROTO_UDPLITE);
}

// Data that the program adds to before it is sent. What is on its way out counts as unsent too, for
// seconds where a neighbour does not answer, and is nothing of the socket's any more.
//
// To nothing at all can be added where there is such data. Where there is none, a control message
// that is malformed is what comes first: udp_sendmsg(), net/ipv4/udp.c, and udpv6_sendmsg().
bool keeps_data_back(int fd, const std::string& who) {
  int unsent = 0;
  if (ioctl(fd, SIOCOUTQ, &unsent) < 0)
    fail_errno("cannot ask {} for data that waits to be sent", who);
  if (unsent == 0) return false;
  alignas(cmsghdr) std::array<char, CMSG_SPACE(0)> malformed{};  // UDP_SEGMENT has two bytes
  msghdr nothing{};
  nothing.msg_control = malformed.data(), nothing.msg_controllen = malformed.size();
  cmsghdr* head = CMSG_FIRSTHDR(&nothing);
  head->cmsg_level = SOL_UDP, head->cmsg_type = UDP_SEGMENT, head->cmsg_len = CMSG_LEN(0);
  return sendmsg(fd, &nothing, MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL) == 0;
}

constexpr std::array kTellingV4 = {
    Telling{IPPROTO_IP, IP_PKTINFO},
    Telling{IPPROTO_IP, IP_RECVTTL},
    Telling{IPPROTO_IP, IP_RECVTOS},
};
// Datagrams of IPv4 come to such sockets too.
constexpr std::array kTellingV6 = {
    Telling{IPPROTO_IPV6, IPV6_RECVPKTINFO}, Telling{IPPROTO_IPV6, IPV6_RECVHOPLIMIT},
    Telling{IPPROTO_IPV6, IPV6_RECVTCLASS},  Telling{IPPROTO_IP, IP_RECVTTL},
    Telling{IPPROTO_IP, IP_RECVTOS},
};

SkPacketEntry* entry_of(image::Arena& arena, uint32_t file_id, const Packet& packet) {
  auto* e = arena.make<SkPacketEntry>();
  e->id_for = file_id;
  e->has_addr = 1;
  e->addr = arena.bytes(packet.sender.data(), packet.sender.size());
  const Arrival& arrival = packet.arrival;
  if (const int family = arrival.to.any.sa_family; family != AF_UNSPEC) {
    e->has_to = 1;
    e->to =
        arena.bytes(&arrival.to, family == AF_INET ? sizeof arrival.to.v4 : sizeof arrival.to.v6);
  }
  if (arrival.hops) CRIU_SET_OPTIONAL(e, hops, *arrival.hops);
  if (arrival.traffic_class) CRIU_SET_OPTIONAL(e, traffic_class, *arrival.traffic_class);
  return e;
}

void store_queue(files::DumpContext& context, InetSkEntry& e, int fd, const std::string& who) {
  const std::vector<Packet> packets =
      e.family == AF_INET ? peek_queue(fd, who, kTellingV4) : peek_queue(fd, who, kTellingV6);
  uint32_t queued = 0;
  for (const Packet& packet : packets) {
    const size_t size = packet.data.size();
    const size_t step = packet.segment == 0 ? size : packet.segment;
    size_t at = 0;
    do {
      const size_t end = std::min(at + step, size);
      SkPacketEntry* message = entry_of(context.arena, e.id, packet);
      message->length = static_cast<uint32_t>(end - at);
      context.add_message(message, {packet.data.begin() + static_cast<ptrdiff_t>(at),
                                    packet.data.begin() + static_cast<ptrdiff_t>(end)});
      queued++;
      at = end;
    } while (at < size);
  }
  if (queued != 0) CRIU_SET_OPTIONAL(&e, queued, queued);
}

}  // namespace

void store_datagrams(files::DumpContext& context, InetSkEntry& e, int fd, const std::string& who) {
  if (is_udp(e) && keeps_data_back(fd, who))
    fail("{}: it has data that waits to be sent (UDP_CORK, MSG_MORE): not supported yet", who);
  if (is_udp(e))
    if (const int offset = get_option(fd, SOL_SOCKET, SO_PEEK_OFF, who); offset >= 0)
      CRIU_SET_OPTIONAL(&e, peek_off, static_cast<uint32_t>(offset));
  pollfd p{fd, POLLIN, 0};
  if (poll(&p, 1, 0) != 1) return;
  if ((p.revents & POLLERR) != 0)
    log::warn("{}: an error waits to be told (SO_ERROR), which will be lost at a restore", who);
  if ((p.revents & POLLIN) == 0) return;
  constexpr std::string_view kLost = "datagrams that were not read yet will be lost at a restore";
  if (!is_udp(e)) {
    if (!e.has_shutdown || e.shutdown == SK_SHUTDOWN__NONE) log::warn("{}: {}", who, kLost);
  } else {
    try {
      store_queue(context, e, fd, who);
    } catch (const Error& error) {
      log::warn("{}: {}: {}", who, kLost, error.what());
    }
  }
}

// "   1: 00000000:0001 0100007F:0000 01 00000000:00000000 00:00000000 00000000     0        0 12345
// ...": words of addresses as this processor has them, behind uid and timeout the inode.
// net/ipv4/raw.c, ping.c.
std::optional<std::vector<uint32_t>> find_peer(const InetSkEntry& e) {
  if (e.type != SOCK_RAW && e.proto != IPPROTO_ICMP && e.proto != IPPROTO_ICMPV6)
    return std::nullopt;
  const bool is_raw = e.type == SOCK_RAW, is_v6 = e.family == AF_INET6;
  const std::string table =
      fmt::format("/proc/net/{}{}", is_raw ? "raw" : "icmp", is_v6 ? "6" : "");
  const auto text = read_file_if_there(table);
  if (!text) return std::nullopt;
  std::optional<std::vector<uint32_t>> peer;
  proc::each_line(*text, [&](std::string_view line) {
    enum {
      kSlot,
      kOwn,
      kPeer,
      kState,
      kQueues,
      kTimer,
      kRetransmits,
      kUid,
      kTimeout,
      kInode,
      kWords
    };
    std::array<std::string_view, kWords> words;
    for (std::string_view& word : words) {
      line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
      word = line.substr(0, line.find(' '));
      line.remove_prefix(word.size());
    }
    constexpr uint64_t kEstablished = 1;
    if (proc::to_u64(words[kInode]) != e.ino || proc::to_u64(words[kState], 16) != kEstablished)
      return;
    constexpr size_t kDigits = 8;
    peer.emplace();
    for (size_t i = 0; i < (is_v6 ? 4U : 1U); i++)
      peer->push_back(
          static_cast<uint32_t>(proc::to_u64(words[kPeer].substr(i * kDigits, kDigits), 16)));
  });
  return peer;
}

}  // namespace criu::net
