// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/raw-packet.h"

#include <arpa/inet.h>
#include <libnet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <array>
#include <cstring>
#include <memory>

#include "criu/base/error.h"
#include "criu/net/inet-address.h"
#include "criu/net/network-lock.h"
#include "criu/net/socket-options.h"

namespace criu::net {

namespace {

constexpr uint16_t kFillIn = 0;  // a checksum that libnet is to make

// A packet in the making, what is innermost first. libnet is not given a socket: the one that it
// makes for IPv4 costs six thousand system calls, and it has no scope for an address of IPv6.
class Packet {
 public:
  explicit Packet(const std::string& who)
      : who_(who), net_(libnet_init(LIBNET_NONE, nullptr, why_.data()), &libnet_destroy) {
    if (!net_) fail("cannot build a packet for {}: {}", who_, why_.data());
  }

  void add(const TcpHeader& tcp, std::span<const uint8_t> data) {
    size_ = LIBNET_TCP_H + data.size();
    must(libnet_build_tcp(tcp.from_port, tcp.to_port, tcp.sequence, tcp.acknowledges, tcp.flags,
                          tcp.window, kFillIn, 0, length(size_), start_of(data), length32(data),
                          net_.get(), 0));
  }
  // With the payload that it has already, or with `data`.
  void add(const RawHeader& h, std::span<const uint8_t> data) {
    size_ += data.size();
    if (h.to.size() == 1) {
      must(libnet_build_ipv4(length(LIBNET_IPV4_H + size_), h.traffic_class, 0, 0, h.hops,
                             h.protocol, kFillIn, h.from[0], h.to[0], start_of(data),
                             length32(data), net_.get(), 0));
      return;
    }
    must(libnet_build_ipv6(h.traffic_class, 0, length(size_), h.protocol, h.hops, address(h.from),
                           address(h.to), start_of(data), length32(data), net_.get(), 0));
  }

  // libnet_adv_cull_packet(3), which is the way to it for others, wants a socket of a device.
  std::vector<uint8_t> finish() {
    uint8_t* packet = nullptr;
    uint32_t size = 0;
    must(libnet_pblock_coalesce(net_.get(), &packet, &size));
    std::vector<uint8_t> bytes(packet, packet + size);
    libnet_adv_free_packet(net_.get(), packet);
    return bytes;
  }

 private:
  void must(int result) {
    if (result < 0) fail("cannot build a packet for {}: {}", who_, libnet_geterror(net_.get()));
  }
  uint16_t length(size_t size) const {
    if (size > UINT16_MAX) fail("a packet for {} would have {} bytes", who_, size);
    return static_cast<uint16_t>(size);
  }
  static uint32_t length32(std::span<const uint8_t> data) {
    return static_cast<uint32_t>(data.size());
  }
  static const uint8_t* start_of(std::span<const uint8_t> data) {
    return data.empty() ? nullptr : data.data();
  }
  static libnet_in6_addr address(const std::vector<uint32_t>& words) {
    libnet_in6_addr a{};
    memcpy(&a, words.data(), sizeof a);
    return a;
  }

  const std::string& who_;
  std::array<char, LIBNET_ERRBUF_SIZE> why_{};
  std::unique_ptr<libnet_t, void (*)(libnet_t*)> net_;
  size_t size_ = 0;  // of what the IP header comes before
};

}  // namespace

void append(std::vector<uint8_t>& bytes, const void* data, size_t size) {
  const auto* from = static_cast<const uint8_t*>(data);
  bytes.insert(bytes.end(), from, from + size);
}

uint16_t checksum_of(const RawHeader& h, const std::vector<uint8_t>& payload) {
  // The pseudo header: addresses, length and protocol, as 32-bit words in either family.
  std::vector<uint8_t> summed;
  append(summed, h.from.data(), h.from.size() * sizeof(uint32_t));
  append(summed, h.to.data(), h.to.size() * sizeof(uint32_t));
  const uint32_t tail[] = {htonl(static_cast<uint32_t>(payload.size())), htonl(h.protocol)};
  append(summed, tail, sizeof tail);
  append(summed, payload.data(), payload.size());
  if (summed.size() % 2 != 0) summed.push_back(0);
  uint32_t sum = 0;
  for (size_t i = 0; i < summed.size(); i += 2)
    sum += static_cast<uint32_t>(summed[i] << 8 | summed[i + 1]);
  while (sum > 0xffff) sum = (sum & 0xffff) + (sum >> 16);
  return htons(static_cast<uint16_t>(~sum));
}

std::vector<uint8_t> build_packet(const RawHeader& header, const std::vector<uint8_t>& payload,
                                  const std::string& who) {
  Packet packet(who);
  packet.add(header, payload);
  return packet.finish();
}

std::vector<uint8_t> build_segment(const RawHeader& header, const TcpHeader& tcp,
                                   std::span<const uint8_t> data, const std::string& who) {
  Packet packet(who);
  packet.add(tcp, data);
  packet.add(header, {});
  return packet.finish();
}

// Sockets of IPPROTO_RAW have the header included, and receive nothing.
RawSender::RawSender(bool v4, std::string who)
    : who_(std::move(who)),
      fd_(socket(v4 ? AF_INET : AF_INET6, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW)) {
  if (!fd_) fail_errno("cannot make a raw socket for {}", who_);
  set_option(fd_.get(), SOL_SOCKET, SO_MARK, kPassingMark, who_);
}

void RawSender::send(const RawHeader& h, const std::vector<uint8_t>& packet) const {
  SocketAddress to{};
  socklen_t size = sizeof to.v6;
  if (h.to.size() == 1) {
    to.v4.sin_family = AF_INET;
    to.v4.sin_addr.s_addr = h.to[0];
    size = sizeof to.v4;
  } else {
    to.v6.sin6_family = AF_INET6;
    memcpy(&to.v6.sin6_addr, h.to.data(), sizeof to.v6.sin6_addr);
    to.v6.sin6_scope_id = h.scope;
  }
  if (sendto(fd_.get(), packet.data(), packet.size(), 0, &to.any, size) < 0)
    fail_errno("cannot hand {} what was sent to it", who_);
}

}  // namespace criu::net
