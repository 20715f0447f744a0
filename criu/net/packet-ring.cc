// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/packet-ring.h"

#include <arpa/inet.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <functional>
#include <iterator>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "criu/base/error.h"
#include "criu/base/fd.h"

namespace criu::net {

namespace {

using Time = std::pair<uint32_t, uint32_t>;  // seconds, and a part of one; 0, 0: never used

uint64_t bytes_of(const PacketRing* ring) {
  return ring == nullptr ? 0 : uint64_t{ring->block_size} * ring->block_nr;
}

// All rings of a socket, mapped as the program has them: the one that it receives into comes first.
class MappedRings {
 public:
  MappedRings(int fd, const PacketSockEntry& entry, const std::string& who)
      : bytes_(ring_bytes(entry)),
        at_(mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)) {
    if (at_ == MAP_FAILED) fail_errno("cannot map the ring of {}", who);
  }
  ~MappedRings() { munmap(at_, bytes_); }
  MappedRings(const MappedRings&) = delete;
  MappedRings& operator=(const MappedRings&) = delete;

  std::span<std::byte> bytes() const { return {static_cast<std::byte*>(at_), bytes_}; }

 private:
  uint64_t bytes_;
  void* at_;
};

// The slots of the ring that is received into: the frames, or in version 3 the blocks.
class Slots {
 public:
  Slots(int fd, const PacketSockEntry& entry, const std::string& who)
      : ring_(*entry.rx_ring),
        version_(entry.version),
        rings_(fd, entry, who),
        at_(rings_.bytes().data()) {}

  uint32_t count() const { return ring_slots(ring_, version_); }
  bool is_unread(uint32_t i) const {
    const uint64_t status = version_ == TPACKET_V1
                                ? __atomic_load_n(&v1(i).tp_status, __ATOMIC_ACQUIRE)
                                : __atomic_load_n(&status_of(i), __ATOMIC_ACQUIRE);
    return (status & TP_STATUS_USER) != 0;
  }
  // When the kernel filled a frame, or began to fill a block.
  Time time(uint32_t i) const {
    if (version_ == TPACKET_V1) return {v1(i).tp_sec, v1(i).tp_usec};
    if (version_ == TPACKET_V2) return {v2(i).tp_sec, v2(i).tp_nsec};
    return {block(i).ts_first_pkt.ts_sec, block(i).ts_first_pkt.ts_nsec};
  }
  // The packets of a block that the kernel may still be filling.
  uint32_t packets(uint32_t i) const {
    return __atomic_load_n(&block(i).num_pkts, __ATOMIC_ACQUIRE);
  }
  // Whether the kernel is filling it, where it is not to be read: it ends the list of the packets
  // of a block when it closes that, and begins it anew when it opens it.
  bool is_open(uint32_t i) const {
    if (version_ != TPACKET_V3) return false;
    const std::byte* const start = slot(i);
    uint64_t at = block(i).offset_to_first_pkt;
    for (uint32_t n = packets(i); n > 0; n--) {
      if (at + sizeof(tpacket3_hdr) > ring_.block_size) return false;
      const uint32_t next = reinterpret_cast<const tpacket3_hdr*>(start + at)->tp_next_offset;
      if (next == 0) return false;
      at += next;
    }
    return true;
  }
  // As if the program had not read it yet: the kernel stops in front of it.
  void bar(uint32_t i) { set_status(i, TP_STATUS_USER); }
  // Their times stay, by which the position is found again.
  void give_back() {
    for (uint32_t i = 0; i < count(); i++) set_status(i, TP_STATUS_KERNEL);
  }

 private:
  std::byte* slot(uint32_t i) const {
    if (version_ == TPACKET_V3) return at_ + uint64_t{i} * ring_.block_size;
    const uint32_t per_block = ring_.block_size / ring_.frame_size;
    return at_ + uint64_t{i / per_block} * ring_.block_size +
           uint64_t{i % per_block} * ring_.frame_size;
  }
  tpacket_hdr& v1(uint32_t i) const { return *reinterpret_cast<tpacket_hdr*>(slot(i)); }
  tpacket2_hdr& v2(uint32_t i) const { return *reinterpret_cast<tpacket2_hdr*>(slot(i)); }
  tpacket_hdr_v1& block(uint32_t i) const {
    return reinterpret_cast<tpacket_block_desc*>(slot(i))->hdr.bh1;
  }
  uint32_t& status_of(uint32_t i) const {
    return version_ == TPACKET_V3 ? block(i).block_status : v2(i).tp_status;
  }
  void set_status(uint32_t i, uint32_t status) {
    if (version_ == TPACKET_V1)
      __atomic_store_n(&v1(i).tp_status, status, __ATOMIC_RELEASE);
    else
      __atomic_store_n(&status_of(i), status, __ATOMIC_RELEASE);
  }

  const PacketRing& ring_;
  uint32_t version_;
  MappedRings rings_;
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

// Whole packets, which fill a block with few of them; the kernel cuts off what a frame has no room
// for.
void receive_only(int fd, const Packet& packet, const std::string& who) {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<uint32_t>(SKF_LL_OFF) + ETH_HLEN),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ntohl(packet.number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, std::numeric_limits<uint32_t>::max()),
      BPF_STMT(BPF_RET | BPF_K, 0),
  };
  const sock_fprog filter{std::size(program), program};
  if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
    fail_errno("cannot filter what {} receives", who);
}

// Sends packets that the ring receives, and waits for each.
class Mover {
 public:
  Mover(int fd, const PacketSockEntry& entry, uint32_t position, const std::string& who)
      : slots_(fd, entry, who), position_(position), who_(who), lo_(if_nametoindex("lo")) {
    if (getrandom(&packet_.number, sizeof packet_.number, 0) < 0) fail_errno("no random number");
    receive_only(fd, packet_, who);
    own_ = address_of(lo_, kNobodys);
    if (lo_ == 0 || bind(fd, reinterpret_cast<const sockaddr*>(&own_), sizeof own_) < 0)
      fail_errno("cannot bind {} to lo, to find slot {} of its ring", who, position);
    sender_.reset(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    if (!sender_) fail_errno("cannot make a packet socket");
  }

  void by_frames() {
    for (uint32_t i = 0; i < position_; i++) {
      send(0);
      wait([&] { return slots_.is_unread(i); });
    }
    slots_.give_back();
  }

  // A block is closed when a packet finds no room in it, which goes to the next one, or nowhere
  // where that one is not free. The kernel then opens it when it is, and another packet comes.
  void by_blocks(uint32_t block_size) {
    slots_.bar(position_);
    const uint32_t size = std::min(block_size, mtu());
    for (uint32_t i = 0; i < position_; i++)
      while (!slots_.is_unread(i)) {
        const uint32_t before = slots_.packets(i);
        send(size);
        wait([&] { return slots_.is_unread(i) || slots_.packets(i) != before; });
      }
    slots_.give_back();
  }

 private:
  uint32_t mtu() const {
    ifreq request{};
    strcpy(request.ifr_name, "lo");
    if (ioctl(sender_.get(), SIOCGIFMTU, &request) < 0) fail_errno("cannot read the MTU of lo");
    return static_cast<uint32_t>(request.ifr_mtu);
  }

  // bytes: of the packet, which has at least those that it needs.
  void send(uint32_t bytes) {
    rest_.resize(std::max<size_t>(bytes, sizeof packet_) - sizeof packet_);
    std::array<iovec, 2> parts = {{{&packet_, sizeof packet_}, {rest_.data(), rest_.size()}}};
    msghdr message{};
    message.msg_name = &own_;
    message.msg_namelen = sizeof own_;
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    if (sendmsg(sender_.get(), &message, 0) < 0)
      fail_errno("cannot bring the ring of {} to its slot {}: is the interface lo up?", who_,
                 position_);
  }

  // A ring is ready as long as it has unread frames, which the earlier ones are.
  void wait(const std::function<bool()>& come) const {
    constexpr int kWithinMs = 1000;
    for (int waited = 0; !come(); waited++) {
      if (waited == kWithinMs)
        fail("cannot bring the ring of {} to its slot {}: nothing comes by the interface lo", who_,
             position_);
      poll(nullptr, 0, 1);
    }
  }

  Slots slots_;
  uint32_t position_;
  const std::string& who_;
  uint32_t lo_;
  sockaddr_ll own_{};
  Packet packet_{};
  std::vector<uint8_t> rest_;
  UniqueFd sender_;
};

}  // namespace

uint32_t ring_slots(const PacketRing& ring, uint32_t version) {
  return version == TPACKET_V3 ? ring.block_nr : ring.frame_nr;
}

uint64_t ring_bytes(const PacketSockEntry& entry) {
  return bytes_of(entry.rx_ring) + bytes_of(entry.tx_ring);
}

uint32_t find_ring_position(int fd, const PacketSockEntry& entry, const std::string& who) {
  const Slots slots(fd, entry, who);
  const uint32_t n = slots.count();
  const auto before = [n](uint32_t i) { return (i + n - 1) % n; };
  uint32_t unread = 0, oldest = n, newest = n;
  for (uint32_t i = 0; i < n; i++) unread += slots.is_unread(i);
  for (uint32_t i = 0; i < n; i++) {
    // Where all are unread the first one is where time goes back.
    const bool begins = unread == n ? slots.time(i) < slots.time(before(i))
                                    : slots.is_unread(i) && !slots.is_unread(before(i));
    if (begins && (oldest == n || slots.time(i) < slots.time(oldest))) oldest = i;
    // Several may have come at the same time.
    const uint32_t next = (i + 1) % n;
    const bool ends = slots.time(i) != Time() && slots.time(next) < slots.time(i);
    if (ends && (newest == n || slots.time(i) > slots.time(newest))) newest = i;
  }
  if (oldest != n) return oldest;
  if (newest == n || unread == n) return 0;
  return slots.is_open(newest) ? newest : (newest + 1) % n;
}

bool is_send_ring_fresh(int fd, const PacketSockEntry& entry, const std::string& who) {
  const MappedRings rings(fd, entry, who);
  const auto frames = rings.bytes().subspan(bytes_of(entry.rx_ring));
  return std::ranges::all_of(frames, [](std::byte b) { return b == std::byte{0}; });
}

void move_ring(int fd, const PacketSockEntry& entry, uint32_t position, const std::string& who) {
  Mover mover(fd, entry, position, who);
  if (entry.version == TPACKET_V3)
    mover.by_blocks(entry.rx_ring->block_size);
  else
    mover.by_frames();
  // It counts what it has received, since it was asked last.
  tpacket_stats_u counted{};
  socklen_t size = sizeof counted;
  getsockopt(fd, SOL_PACKET, PACKET_STATISTICS, &counted, &size);
}

}  // namespace criu::net
