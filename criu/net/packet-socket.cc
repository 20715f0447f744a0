// SPDX-License-Identifier: GPL-2.0-only
//
// Sockets of the packet family: packet(7). Packets that were not read are lost, as the kernel loses
// them where nobody reads.

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <set>
#include <vector>

#include "criu/base/error.h"
#include "criu/files/file-kind.h"
#include "criu/net/packet-diag.h"
#include "criu/net/packet-ring.h"
#include "criu/net/socket-options.h"

namespace criu::net {

namespace {

constexpr uint32_t kNoFanout = 0xffffffff;
// In the upper half of a fanout: where the kernel chose the number (PACKET_FANOUT_FLAG_UNIQUEID),
// it is known now.
constexpr uint32_t kUniqueId = uint32_t{PACKET_FANOUT_FLAG_UNIQUEID} << 16;

// Numbers that a new socket has 0 of, and that the format has no fields for. The first is to be set
// before there is a ring.
constexpr std::array kOptions = {PACKET_TX_HAS_OFF, PACKET_QDISC_BYPASS, PACKET_IGNORE_OUTGOING};

// PACKET_VNET_HDR_SZ, linux/if_packet.h, of later kernels: bytes, where PACKET_VNET_HDR alone means
// those of struct virtio_net_hdr.
constexpr int kHeaderSize = 24, kUsualHeader = 10;

// Of SOL_SOCKET, 8 bytes each: how fast it sends, and by which clock.
struct SendOption {
  int name;
  uint64_t fresh;  // what a new socket has
};
constexpr std::array kSendOptions = {SendOption{SO_MAX_PACING_RATE, ~uint64_t{0}},
                                     SendOption{SO_TXTIME, 0}};

class RestoredPacket : public files::RestoredEntry<PacketSockEntry> {
 public:
  using RestoredEntry::RestoredEntry;

  // Of no protocol until all is set: nothing is received before.
  UniqueFd open() override {
    if (entry_.type == SOCK_PACKET) return open_obsolete();
    UniqueFd fd = make(0);
    set_options(fd.get());
    set_ring(fd.get(), PACKET_RX_RING, entry_.rx_ring);
    set_ring(fd.get(), PACKET_TX_RING, entry_.tx_ring);
    // One of no protocol receives nothing, wherever its ring is.
    const bool moves = entry_.rx_position != 0 && entry_.protocol != 0;
    if (moves) {
      move_ring(fd.get(), entry_, entry_.rx_position, who());
      bind(fd.get());
      if (entry_.opts->n_so_filter == 0)
        set_option(fd.get(), SOL_SOCKET, SO_DETACH_FILTER, 0, who());
    }
    for (size_t i = 0; i < entry_.n_mclist; i++) add_address(fd.get(), *entry_.mclist[i]);
    set_socket_options(fd.get(), *entry_.opts, who());
    if (!moves && (entry_.protocol != 0 || entry_.ifindex != 0)) bind(fd.get());
    if (entry_.has_fanout && entry_.fanout != kNoFanout)
      set(fd.get(), PACKET_FANOUT, static_cast<int>(entry_.fanout & ~kUniqueId));
    files::set_status_flags(fd.get(), entry_.flags, who());
    return fd;
  }

 private:
  std::string who() const { return fmt::format("packet socket {}", entry_.id); }

  UniqueFd make(uint32_t protocol) const {
    UniqueFd fd(socket(AF_PACKET, static_cast<int>(entry_.type) | SOCK_CLOEXEC,
                       static_cast<int>(protocol)));
    if (!fd) fail_errno("cannot make {}", who());
    return fd;
  }

  // SOCK_PACKET of Linux 2.0, packet(7): it keeps the protocol that it is made with, knows an
  // interface by its name, and has no options of its own.
  UniqueFd open_obsolete() const {
    UniqueFd fd = make(entry_.protocol);
    set_socket_options(fd.get(), *entry_.opts, who());
    if (entry_.ifindex != 0) {
      sockaddr a{};
      a.sa_family = AF_PACKET;
      std::array<char, IF_NAMESIZE> name{};
      if (if_indextoname(entry_.ifindex, name.data()) == nullptr ||
          strlen(name.data()) >= sizeof a.sa_data)
        fail("{} cannot be bound to interface {}", who(), entry_.ifindex);
      memcpy(a.sa_data, name.data(), strlen(name.data()));
      if (::bind(fd.get(), &a, sizeof a) < 0)
        fail_errno("cannot bind {} to interface {}", who(), entry_.ifindex);
      take_error(fd.get());
    }
    files::set_status_flags(fd.get(), entry_.flags, who());
    return fd;
  }

  void set(int fd, int name, int value) const { set_option(fd, SOL_PACKET, name, value, who()); }
  void set_unless_0(int fd, int name, uint32_t value) const {
    if (value != 0) set(fd, name, static_cast<int>(value));
  }

  void set_options(int fd) const {
    set_unless_0(fd, PACKET_VERSION, entry_.version);
    set_unless_0(fd, PACKET_RESERVE, entry_.reserve);
    set_unless_0(fd, PACKET_AUXDATA, entry_.aux_data);
    set_unless_0(fd, PACKET_ORIGDEV, entry_.orig_dev);
    set_unless_0(fd, PACKET_VNET_HDR, entry_.vnet_hdr);
    set_unless_0(fd, PACKET_LOSS, entry_.loss);
    set_unless_0(fd, PACKET_TIMESTAMP, entry_.timestamp);
    set_unless_0(fd, PACKET_COPY_THRESH, entry_.copy_thresh);
    for (size_t i = 0; i < entry_.n_option; i++) set_option(fd, *entry_.option[i], who());
  }

  void set_ring(int fd, int name, const PacketRing* ring) const {
    if (ring == nullptr) return;
    tpacket_req3 request{};
    request.tp_block_size = ring->block_size;
    request.tp_block_nr = ring->block_nr;
    request.tp_frame_size = ring->frame_size;
    request.tp_frame_nr = ring->frame_nr;
    request.tp_retire_blk_tov = ring->retire_tmo;
    request.tp_sizeof_priv = ring->sizeof_priv;
    request.tp_feature_req_word = ring->features;
    const size_t size = entry_.version == TPACKET_V3 ? sizeof request : sizeof(tpacket_req);
    if (setsockopt(fd, SOL_PACKET, name, &request, static_cast<socklen_t>(size)) < 0)
      fail_errno("cannot make a ring of {}", who());
  }

  void add_address(int fd, const PacketMclist& address) const {
    // struct packet_mreq, with room for the longest address.
    struct {
      int index;
      uint16_t type, length;
      uint8_t bytes[sizeof packet_diag_mclist::pdmc_addr];
    } request{};
    request.index = static_cast<int>(address.index);
    request.type = static_cast<uint16_t>(address.type);
    request.length = static_cast<uint16_t>(address.addr.len);
    std::copy_n(address.addr.data, address.addr.len, request.bytes);  // all multicast has none
    if (setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &request, sizeof request) < 0)
      fail_errno("{} cannot receive for an address of interface {}", who(), address.index);
  }

  void bind(int fd) const {
    sockaddr_ll a{};
    a.sll_family = AF_PACKET;
    a.sll_protocol = static_cast<uint16_t>(entry_.protocol);
    a.sll_ifindex = static_cast<int>(entry_.ifindex);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) < 0)
      fail_errno("cannot bind {} to interface {}", who(), entry_.ifindex);
    take_error(fd);
  }

  // That the interface is down, of which it was told before: packet_do_bind().
  void take_error(int fd) const { get_option(fd, SOL_SOCKET, SO_ERROR, who()); }
};

class PacketKind : public files::FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__PACKETSK; }
  bool recognises(const files::OpenFile& f) const override { return socket_domain(f) == AF_PACKET; }

  void dump(files::DumpContext& context, const files::OpenFile& f, FileEntry* entry) override {
    auto* e = context.arena.make<PacketSockEntry>();
    const int fd = f.own.get();
    e->id = entry->id;
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    e->type = static_cast<uint32_t>(get_option(fd, SOL_SOCKET, SO_TYPE, f.who()));
    const PacketDiag& diag = diag_of(f);
    // -1: of one that is gone. The kernel gives such a socket nothing, packet_notifier(),
    // net/packet/af_packet.c, but one of no interface what comes by all: one of no protocol gets
    // nothing either.
    const auto interface = static_cast<int>(diag.info.pdi_index);
    e->protocol = interface < 0 ? 0 : diag.protocol;
    e->ifindex = static_cast<uint32_t>(std::max(interface, 0));
    note_options(context, f, diag, *e);
    if (interface >= 0) note_fanout(f, diag, *e);
    e->rx_ring = ring_entry(context, diag.receive);
    e->tx_ring = ring_entry(context, diag.send);
    if (e->rx_ring != nullptr)
      CRIU_SET_OPTIONAL(e, rx_position, find_ring_position(fd, *e, f.who()));
    if (e->tx_ring != nullptr && !is_send_ring_fresh(fd, *e, f.who())) sent_from_.insert(e->id);
    note_list(context, diag, *e);
    e->opts = read_socket_options(context.arena, fd, f.who());
    entry->psk = e;
  }

  // A mapping is of all rings, and is made again as such.
  void check_mapping(const FileEntry& entry, const files::MappedSocket& m) const override {
    const PacketSockEntry& e = *entry.psk;
    if (sent_from_.contains(e.id))
      fail(
          "{}: a mapped ring that packets were sent from is not supported: the kernel does not "
          "tell which frame is the next",
          m.who);
    if (!m.shared || m.offset != 0 || m.bytes != ring_bytes(e))
      fail("{}: a part of a packet socket's ring, or a private mapping of it, is not supported yet",
           m.who);
  }

  std::unique_ptr<files::RestoredFile> read(files::RestoreContext&,
                                            const FileEntry& entry) override {
    const PacketSockEntry* e = entry.psk;
    if (e == nullptr) fail("file {} in files.img is no packet socket", entry.id);
    for (size_t i = 0; i < e->n_mclist; i++)
      if (e->mclist[i]->addr.len > sizeof packet_diag_mclist::pdmc_addr)
        fail("file {} in files.img: a packet socket has an address of {} bytes", entry.id,
             e->mclist[i]->addr.len);
    if (e->rx_position != 0 && !(e->rx_ring != nullptr && is_sound(*e)))
      fail("file {} in files.img: a packet socket's ring has no slot {}", entry.id, e->rx_position);
    return std::make_unique<RestoredPacket>(*e);
  }

 private:
  // As the kernel wants it, which has not seen it yet.
  static bool is_sound(const PacketSockEntry& e) {
    const PacketRing& r = *e.rx_ring;
    return e.version <= TPACKET_V3 && e.rx_position < ring_slots(r, e.version) &&
           r.frame_size >= sizeof(tpacket2_hdr) && r.block_size >= r.frame_size &&
           uint64_t{r.block_size / r.frame_size} * r.block_nr == r.frame_nr;
  }
  const PacketDiag& diag_of(const files::OpenFile& f) {
    if (!all_) all_ = read_packet_sockets();
    const auto it = all_->find(static_cast<uint32_t>(f.st.st_ino));
    if (it == all_->end())
      fail("{}: the socket is not of this network namespace: not supported yet", f.who());
    return it->second;
  }

  static void note_options(files::DumpContext& context, const files::OpenFile& f,
                           const PacketDiag& diag, PacketSockEntry& e) {
    e.version = diag.info.pdi_version;
    e.reserve = diag.info.pdi_reserve;
    e.copy_thresh = diag.info.pdi_copy_thresh;
    e.timestamp = diag.info.pdi_tstamp;
    e.aux_data = (diag.info.pdi_flags & PDI_AUXDATA) != 0;
    e.orig_dev = (diag.info.pdi_flags & PDI_ORIGDEV) != 0;
    e.vnet_hdr = (diag.info.pdi_flags & PDI_VNETHDR) != 0;
    e.loss = (diag.info.pdi_flags & PDI_LOSS) != 0;
    if (e.type == SOCK_PACKET) return;
    auto options = read_numbers(context.arena, f.own.get(), SOL_PACKET, kOptions, f.who());
    int header = 0;
    socklen_t header_size = sizeof header;
    if (ask_option(f.own.get(), SOL_PACKET, kHeaderSize, &header, header_size, f.who()) &&
        header != 0 && header != kUsualHeader)
      options.push_back(
          option_entry(context.arena, SOL_PACKET, kHeaderSize, &header, sizeof header));
    for (const auto [name, fresh] : kSendOptions) {
      uint64_t value = 0;
      socklen_t size = sizeof value;
      if (!ask_option(f.own.get(), SOL_SOCKET, name, &value, size, f.who()) ||
          size != sizeof value || value == fresh)
        continue;
      options.push_back(option_entry(context.arena, SOL_SOCKET, name, &value, sizeof value));
    }
    e.n_option = options.size();
    e.option = context.arena.copy<InetOptionEntry*>(options);
  }

  // The number, and how the group chooses, with its flags, in the upper half.
  static void note_fanout(const files::OpenFile& f, const PacketDiag& diag, PacketSockEntry& e) {
    if (!diag.has_fanout) return;
    const auto fanout =
        static_cast<uint32_t>(get_option(f.own.get(), SOL_PACKET, PACKET_FANOUT, f.who()));
    const uint32_t by = fanout >> 16 & 0xff;
    if (by == PACKET_FANOUT_CBPF || by == PACKET_FANOUT_EBPF)
      fail("{}: a packet fanout by a BPF program, which cannot be read, is not supported", f.who());
    CRIU_SET_OPTIONAL(&e, fanout, fanout);
  }

  static PacketRing* ring_entry(files::DumpContext& context,
                                const std::optional<packet_diag_ring>& ring) {
    if (!ring) return nullptr;
    auto* e = context.arena.make<PacketRing>();
    e->block_size = ring->pdr_block_size;
    e->block_nr = ring->pdr_block_nr;
    e->frame_size = ring->pdr_frame_size;
    e->frame_nr = ring->pdr_frame_nr;
    e->retire_tmo = ring->pdr_retire_tmo;
    e->sizeof_priv = ring->pdr_sizeof_priv;
    e->features = ring->pdr_features;
    return e;
  }

  // What was asked for several times is there several times.
  static void note_list(files::DumpContext& context, const PacketDiag& diag, PacketSockEntry& e) {
    std::vector<PacketMclist*> list;
    for (const packet_diag_mclist& address : diag.addresses) {
      auto* m = context.arena.make<PacketMclist>();
      m->index = address.pdmc_index;
      m->type = address.pdmc_type;
      m->addr = context.arena.bytes(address.pdmc_addr,
                                    std::min<size_t>(address.pdmc_alen, sizeof address.pdmc_addr));
      list.insert(list.end(), address.pdmc_count, m);
    }
    e.n_mclist = list.size();
    e.mclist = context.arena.copy<PacketMclist*>(list);
  }

  std::optional<std::map<uint32_t, PacketDiag>> all_;
  std::set<uint32_t> sent_from_;  // sockets with a ring that they have sent from
};

const files::KindRegistration registration([] { return std::make_unique<PacketKind>(); });

}  // namespace

}  // namespace criu::net
