// SPDX-License-Identifier: GPL-2.0-only
//
// Sockets of the netlink family: netlink(7). What the kernel does for one beyond sending to the
// groups it is in, such as an nfqueue bound to it, is not told, and lost.

#include <linux/netlink.h>
#include <linux/netlink_diag.h>
#include <netlink/msg.h>
#include <poll.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <optional>
#include <set>
#include <vector>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/files/file-kind.h"
#include "criu/net/own-network.h"
#include "criu/net/sock-diag.h"
#include "criu/net/socket-options.h"

namespace criu::net {

namespace {

constexpr int kNetlink = 270;  // SOL_NETLINK, linux/socket.h
constexpr uint32_t kConnected = 1;
constexpr uint32_t kWordBits = 32;

// Numbers that a new socket has 0 of.
constexpr std::array kOptions = {
    NETLINK_PKTINFO, NETLINK_BROADCAST_ERROR, NETLINK_NO_ENOBUFS,     NETLINK_LISTEN_ALL_NSID,
    NETLINK_CAP_ACK, NETLINK_EXT_ACK,         NETLINK_GET_STRICT_CHK,
};

class RestoredNetlink : public files::RestoredEntry<NetlinkSkEntry> {
 public:
  using RestoredEntry::RestoredEntry;

  UniqueFd open() override {
    const int type = entry_.has_type && entry_.type == SOCK_DGRAM ? SOCK_DGRAM : SOCK_RAW;
    UniqueFd fd(socket(AF_NETLINK, type | SOCK_CLOEXEC, static_cast<int>(entry_.protocol)));
    if (!fd) fail_errno("cannot make {}", who());
    bind(fd.get());
    if (entry_.state == kConnected) connect(fd.get());
    for (size_t i = 0; i < entry_.n_option; i++) set_option(fd.get(), *entry_.option[i], who());
    set_socket_options(fd.get(), *entry_.opts, who());
    // Last: from then on messages come in, which its filter is to see.
    join_groups(fd.get());
    files::set_status_flags(fd.get(), entry_.flags, who());
    return fd;
  }

 private:
  std::string who() const {
    return fmt::format("netlink socket {} (protocol {}, port {})", entry_.id, entry_.protocol,
                       entry_.portid);
  }
  static sockaddr_nl address(uint32_t port, uint32_t groups) {
    sockaddr_nl a{};
    a.nl_family = AF_NETLINK;
    a.nl_pid = port;
    a.nl_groups = groups;
    return a;
  }
  void bind(int fd) const {
    if (entry_.portid == 0) return;
    const sockaddr_nl a = address(entry_.portid, 0);
    if (::bind(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) < 0)
      fail_errno("cannot bind {}", who());
  }
  void join_groups(int fd) const {
    for (uint32_t i = 0; i < entry_.n_groups * kWordBits; i++) {
      if ((entry_.groups[i / kWordBits] >> (i % kWordBits) & 1) == 0) continue;
      const uint32_t group = i + 1;
      if (setsockopt(fd, kNetlink, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) < 0)
        fail_errno("{} cannot join group {}", who(), group);
    }
  }
  void connect(int fd) const {
    const uint32_t groups = entry_.dst_group == 0 ? 0 : 1U << (entry_.dst_group - 1);
    const sockaddr_nl a = address(entry_.dst_portid, groups);
    if (::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) < 0)
      fail_errno("cannot connect {}", who());
  }
};

class NetlinkKind : public files::FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__NETLINKSK; }
  bool recognises(const files::OpenFile& f) const override {
    return socket_domain(f) == AF_NETLINK;
  }

  void dump(files::DumpContext& context, const files::OpenFile& f, FileEntry* entry) override {
    const int fd = f.own.get();
    refuse_other_network(fd, f.who());
    auto* e = context.arena.make<NetlinkSkEntry>();
    e->id = entry->id;
    e->ino = static_cast<uint32_t>(f.st.st_ino);
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    e->protocol = static_cast<uint32_t>(get_option(fd, SOL_SOCKET, SO_PROTOCOL, f.who()));
    CRIU_SET_OPTIONAL(e, type, static_cast<uint32_t>(get_option(fd, SOL_SOCKET, SO_TYPE, f.who())));
    check_queue(f);
    note_addresses(f, *e);
    note_groups(context, f, *e);
    const auto options = read_numbers(context.arena, fd, kNetlink, kOptions, f.who());
    e->n_option = options.size();
    e->option = context.arena.copy<InetOptionEntry*>(options);
    e->opts = read_socket_options(context.arena, fd, f.who());
    entry->nlsk = e;
  }

  std::unique_ptr<files::RestoredFile> read(files::RestoreContext&,
                                            const FileEntry& entry) override {
    if (entry.nlsk == nullptr) fail("file {} in files.img is no netlink socket", entry.id);
    if (entry.nlsk->dst_group > kWordBits)
      fail("file {} in files.img: a netlink socket is not connected to group {}", entry.id,
           entry.nlsk->dst_group);
    return std::make_unique<RestoredNetlink>(*entry.nlsk);
  }

 private:
  // Also what is left of an answer in several parts.
  static void check_queue(const files::OpenFile& f) {
    pollfd p{f.own.get(), POLLIN, 0};
    if (poll(&p, 1, 0) < 0) fail_errno("cannot poll {}", f.who());
    if ((p.revents & POLLIN) != 0)
      fail_for_now("{}: a netlink socket with messages that were not read is not supported yet",
                   f.who());
    if ((p.revents & POLLERR) != 0)
      fail_for_now("{}: an error waits to be told (SO_ERROR), which cannot be stored", f.who());
  }

  void note_addresses(const files::OpenFile& f, NetlinkSkEntry& e) {
    sockaddr_nl own{}, peer{};
    socklen_t size = sizeof own;
    if (getsockname(f.own.get(), reinterpret_cast<sockaddr*>(&own), &size) < 0)
      fail_errno("cannot read the address of {}", f.who());
    size = sizeof peer;
    if (getpeername(f.own.get(), reinterpret_cast<sockaddr*>(&peer), &size) < 0)
      fail_errno("cannot read whom {} is connected to", f.who());
    e.portid = own.nl_pid;
    e.dst_portid = peer.nl_pid;
    e.dst_group = static_cast<uint32_t>(ffs(static_cast<int>(peer.nl_groups)));
    const bool has_peer = e.dst_portid != 0 || e.dst_group != 0;
    e.state = has_peer || (e.portid != 0 && is_connected(f, e.ino)) ? kConnected : 0;
  }

  // To the kernel, which getpeername(2) does not tell from to nobody: what others send to it is
  // refused then (netlink_getsockbyportid(), net/netlink/af_netlink.c). One that connects gets a
  // port.
  bool is_connected(const files::OpenFile& f, uint32_t inode) {
    if (!connected_) {
      connected_.emplace();
      try {
        connected_ = read_connected();
      } catch (const Error& error) {
        log::warn("{}: it comes back as if it had not been connected to the kernel: {}", f.who(),
                  error.what());
      }
    }
    return connected_->contains(inode);
  }

  static std::set<uint32_t> read_connected() {
    netlink_diag_req request{};
    request.sdiag_family = AF_NETLINK;
    request.sdiag_protocol = NDIAG_PROTO_ALL;
    std::set<uint32_t> inodes;
    SockDiag("the netlink sockets").ask(&request, sizeof request, [&](nlmsghdr* header) {
      if (nlmsg_valid_hdr(header, sizeof(netlink_diag_msg)) == 0) return;
      const auto& message = *static_cast<const netlink_diag_msg*>(nlmsg_data(header));
      if (message.ndiag_state == kConnected) inodes.insert(message.ndiag_ino);
    });
    return inodes;
  }

  static void note_groups(files::DumpContext& context, const files::OpenFile& f,
                          NetlinkSkEntry& e) {
    socklen_t size = 0;
    if (getsockopt(f.own.get(), kNetlink, NETLINK_LIST_MEMBERSHIPS, nullptr, &size) < 0)
      fail_errno("cannot read the groups of {}", f.who());
    std::vector<uint32_t> groups(size / sizeof(uint32_t));
    if (size != 0 &&
        getsockopt(f.own.get(), kNetlink, NETLINK_LIST_MEMBERSHIPS, groups.data(), &size) < 0)
      fail_errno("cannot read the groups of {}", f.who());
    // Other readers take what is above the first word for groups, also where it is empty.
    while (!groups.empty() && groups.back() == 0) groups.pop_back();
    e.n_groups = groups.size();
    e.groups = context.arena.copy<uint32_t>(groups);
  }

  std::optional<std::set<uint32_t>> connected_;  // by inode, to whomever
};

const files::KindRegistration registration([] { return std::make_unique<NetlinkKind>(); });

}  // namespace

}  // namespace criu::net
