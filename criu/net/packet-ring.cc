// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/packet-ring.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <utility>

#include "criu/base/error.h"
#include "criu/base/fd.h"

namespace criu::net {

namespace {

using Time = std::pair<uint32_t, uint32_t>;  // seconds, and a part of one; 0, 0: never used

uint64_t bytes_of(const PacketRing* ring) {
  return ring == nullptr ? 0 : uint64_t{ring->block_size} * ring->block_nr;
}

// The frames, mapped as the program has them.
class Frames {
 public:
  Frames(int fd, const PacketSockEntry& entry, const std::string& who)
      : ring_(*entry.rx_ring), v1_(entry.version == TPACKET_V1), bytes_(ring_bytes(entry)) {
    void* p = mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) fail_errno("cannot map the ring of {}", who);
    at_ = static_cast<std::byte*>(p);
  }
  ~Frames() { munmap(at_, bytes_); }
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;

  uint32_t count() const { return ring_.frame_nr; }
  bool is_unread(uint32_t i) const {
    const uint64_t status = v1_ ? __atomic_load_n(&v1(i).tp_status, __ATOMIC_ACQUIRE)
                                : __atomic_load_n(&v2(i).tp_status, __ATOMIC_ACQUIRE);
    return (status & TP_STATUS_USER) != 0;
  }
  Time time(uint32_t i) const {
    return v1_ ? Time(v1(i).tp_sec, v1(i).tp_usec) : Time(v2(i).tp_sec, v2(i).tp_nsec);
  }
  // Their times stay, by which the position is found again.
  void give_back() {
    for (uint32_t i = 0; i < count(); i++) {
      if (v1_)
        v1(i).tp_status = TP_STATUS_KERNEL;
      else
        v2(i).tp_status = TP_STATUS_KERNEL;
    }
  }

 private:
  std::byte* frame(uint32_t i) const {
    const uint32_t per_block = ring_.block_size / ring_.frame_size;
    return at_ + uint64_t{i / per_block} * ring_.block_size +
           uint64_t{i % per_block} * ring_.frame_size;
  }
  tpacket_hdr& v1(uint32_t i) const { return *reinterpret_cast<tpacket_hdr*>(frame(i)); }
  tpacket2_hdr& v2(uint32_t i) const { return *reinterpret_cast<tpacket2_hdr*>(frame(i)); }

  const PacketRing& ring_;
  bool v1_;
  uint64_t bytes_;
  std::byte* at_;
};

sockaddr_ll address_of(uint32_t interface, uint16_t protocol) {
  sockaddr_ll a{};
  a.sll_family = AF_PACKET;
  a.sll_protocol = htons(protocol);
  a.sll_ifindex = static_cast<int>(interface);
  a.sll_halen = ETH_ALEN;
  return a;
}

// Of local experiments (IEEE 802), which no protocol of the kernel has.
constexpr uint16_t kNobodys = ETH_P_802_EX1;

// With a number of its own: another restore may do the same.
struct Packet {
  uint8_t addresses[2 * ETH_ALEN] = {};
  uint16_t protocol = htons(kNobodys);
  uint32_t number;
  uint8_t rest[ETH_ZLEN - ETH_HLEN - sizeof(uint32_t)] = {};
} __attribute__((packed));

void receive_only(int fd, const Packet& packet, const std::string& who) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_LL_OFF) + ETH_HLEN),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(packet.number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, sizeof packet),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog filter{std::size(program), program};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
    fail_errno("cannot filter what {} receives", who);
}

}  // namespace

uint64_t ring_bytes(const PacketSockEntry& entry) {
  return bytes_of(entry.rx_ring) + bytes_of(entry.tx_ring);
}

uint32_t find_ring_position(int fd, const PacketSockEntry& entry, const std::string& who) {
  const Frames frames(fd, entry, who);
  const uint32_t n = frames.count();
  const auto before = [n](uint32_t i) { return (i + n - 1) % n; };
  uint32_t unread = 0, oldest = n, newest = n;
  for (uint32_t i = 0; i < n; i++) unread += frames.is_unread(i);
  for (uint32_t i = 0; i < n; i++) {
    // Where all are unread the first one is where time goes back.
    const bool begins = unread == n ? frames.time(i) < frames.time(before(i))
                                    : frames.is_unread(i) && !frames.is_unread(before(i));
    if (begins && (oldest == n || frames.time(i) < frames.time(oldest))) oldest = i;
    // Several may have come at the same time.
    const uint32_t next = (i + 1) % n;
    const bool ends = frames.time(i) != Time() && frames.time(next) < frames.time(i);
    if (ends && (newest == n || frames.time(i) > frames.time(newest))) newest = i;
  }
  if (oldest != n) return oldest;
  return newest == n || unread == n ? 0 : (newest + 1) % n;
}

void move_ring(int fd, const PacketSockEntry& entry, uint32_t position, const std::string& who) {
  constexpr int kWithinMs = 1000;
  const uint32_t lo = if_nametoindex("lo");
  const sockaddr_ll own = address_of(lo, kNobodys);
  Packet packet{};
  if (getrandom(&packet.number, sizeof packet.number, 0) < 0) fail_errno("no random number");
  receive_only(fd, packet, who);
  if (lo == 0 || bind(fd, reinterpret_cast<const sockaddr*>(&own), sizeof own) < 0)
    fail_errno("cannot bind {} to lo, to find frame {} of its ring", who, position);
  const UniqueFd sender(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  if (!sender) fail_errno("cannot make a packet socket");
  Frames frames(fd, entry, who);
  for (uint32_t i = 0; i < position; i++) {
    if (sendto(sender.get(), &packet, sizeof packet, 0, reinterpret_cast<const sockaddr*>(&own),
               sizeof own) < 0)
      fail_errno("cannot bring the ring of {} to its frame {}: is the interface lo up?", who,
                 position);
    // A ring is ready as long as it has unread frames, which the earlier ones are.
    for (int waited = 0; !frames.is_unread(i); waited++) {
      if (waited == kWithinMs)
        fail("cannot bring the ring of {} to its frame {}: nothing comes by the interface lo", who,
             position);
      poll(nullptr, 0, 1);
    }
  }
  frames.give_back();
  // It counts what it has received, since it was asked last.
  tpacket_stats counted{};
  socklen_t size = sizeof counted;
  getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &counted, &size);
}

}  // namespace criu::net
