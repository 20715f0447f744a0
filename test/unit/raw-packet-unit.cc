// SPDX-License-Identifier: GPL-2.0-only
//
// Packets as they are handed to a socket: what they say, and that their checksums hold.
#include "criu/net/raw-packet.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>

#include <cstring>

#include "criu/base/error.h"

namespace criu::net {

namespace {

using Bytes = std::vector<uint8_t>;

RawHeader header(bool v4, uint8_t protocol) {
  RawHeader h;
  h.from.resize(v4 ? 1 : 4);
  h.to.resize(v4 ? 1 : 4);
  inet_pton(v4 ? AF_INET : AF_INET6, v4 ? "192.0.2.1" : "2001:db8::1", h.from.data());
  inet_pton(v4 ? AF_INET : AF_INET6, v4 ? "127.0.0.1" : "::1", h.to.data());
  h.protocol = protocol;
  h.hops = 255, h.traffic_class = 0xb8;
  return h;
}

template <typename T>
T at(const Bytes& packet, size_t offset) {
  T value{};
  if (offset + sizeof value <= packet.size())
    memcpy(&value, packet.data() + offset, sizeof value);
  else
    ADD_FAILURE() << "a packet of " << packet.size() << " bytes";
  return value;
}

// Returns the size of the IP header.
size_t expect_ip(const Bytes& packet, const RawHeader& h) {
  if (h.to.size() == 1) {
    const auto ip = at<iphdr>(packet, 0);
    EXPECT_EQ(ip.version, 4U);
    EXPECT_EQ(ip.ihl * 4U, sizeof ip);
    EXPECT_EQ(ntohs(ip.tot_len), packet.size());
    EXPECT_EQ(ip.tos, h.traffic_class);
    EXPECT_EQ(ip.ttl, h.hops);
    EXPECT_EQ(ip.protocol, h.protocol);
    EXPECT_EQ(ip.frag_off, 0);
    EXPECT_EQ(ip.saddr, h.from[0]);
    EXPECT_EQ(ip.daddr, h.to[0]);
    return sizeof ip;
  }
  const auto ip = at<ip6_hdr>(packet, 0);
  EXPECT_EQ(ntohl(ip.ip6_flow), 6U << 28 | uint32_t{h.traffic_class} << 20);
  EXPECT_EQ(ntohs(ip.ip6_plen), packet.size() - sizeof ip);
  EXPECT_EQ(ip.ip6_nxt, h.protocol);
  EXPECT_EQ(ip.ip6_hlim, h.hops);
  EXPECT_EQ(memcmp(&ip.ip6_src, h.from.data(), sizeof ip.ip6_src), 0);
  EXPECT_EQ(memcmp(&ip.ip6_dst, h.to.data(), sizeof ip.ip6_dst), 0);
  return sizeof ip;
}

// With its own checksum in it, a payload has a sum of all ones.
void expect_sound(const RawHeader& h, const Bytes& packet, size_t offset) {
  const Bytes payload(packet.begin() + static_cast<ptrdiff_t>(offset), packet.end());
  EXPECT_EQ(checksum_of(h, payload), 0);
}

class RawPacket : public testing::TestWithParam<bool> {};

TEST_P(RawPacket, IsASegmentAsItIsTold) {
  const RawHeader h = header(GetParam(), IPPROTO_TCP);
  for (const Bytes& data : {Bytes{}, Bytes{'!'}, Bytes{1, 2}}) {
    const Bytes packet =
        build_segment(h, {1234, 80, 0x89abcdef, 0x01234567, TH_ACK | TH_FIN, 500}, data, "a test");
    const size_t offset = expect_ip(packet, h);
    const auto tcp = at<tcphdr>(packet, offset);
    EXPECT_EQ(ntohs(tcp.source), 1234);
    EXPECT_EQ(ntohs(tcp.dest), 80);
    EXPECT_EQ(ntohl(tcp.seq), 0x89abcdef);
    EXPECT_EQ(ntohl(tcp.ack_seq), 0x01234567U);
    EXPECT_EQ(tcp.th_flags, TH_ACK | TH_FIN);
    EXPECT_EQ(ntohs(tcp.window), 500);
    EXPECT_EQ(tcp.urg_ptr, 0);
    EXPECT_EQ(tcp.doff * 4U, sizeof tcp);
    EXPECT_EQ(Bytes(packet.begin() + static_cast<ptrdiff_t>(offset + sizeof tcp), packet.end()),
              data);
    expect_sound(h, packet, offset);
  }
}

TEST_P(RawPacket, HasThePayloadThatItIsGiven) {
  const RawHeader h = header(GetParam(), IPPROTO_UDP);
  for (const size_t size : {sizeof(udphdr), sizeof(udphdr) + 1, size_t{9000}, size_t{65000}}) {
    Bytes payload(size, 0xa5);
    const Bytes packet = build_packet(h, payload, "a test");
    const size_t offset = expect_ip(packet, h);
    EXPECT_EQ(Bytes(packet.begin() + static_cast<ptrdiff_t>(offset), packet.end()), payload);
  }
}

TEST_P(RawPacket, IsRefusedIfItIsTooLong) {
  EXPECT_THROW(build_packet(header(GetParam(), IPPROTO_UDP), Bytes(70000), "a test"), Error);
}

// The example of RFC 1071, as a payload of which the pseudo header's sum is known.
TEST(Checksum, IsThatOfTheRfc) {
  RawHeader h;
  h.from = {0}, h.to = {0};
  h.protocol = 0;
  // 0001 f203 f4f5 f6f7 add up to ddf2; the length of eight is in the pseudo header.
  EXPECT_EQ(checksum_of(h, {0x00, 0x01, 0xf2, 0x03, 0xf4, 0xf5, 0xf6, 0xf7}),
            htons(static_cast<uint16_t>(~(0xddf2 + 8))));
}

INSTANTIATE_TEST_SUITE_P(Families, RawPacket, testing::Values(true, false),
                         [](const auto& i) { return i.param ? "IPv4" : "IPv6"; });

}  // namespace

}  // namespace criu::net
