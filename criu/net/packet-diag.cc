// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/packet-diag.h"

#include <arpa/inet.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <cstring>

#include "criu/net/sock-diag.h"

namespace criu::net {

namespace {

template <typename T>
std::optional<T> value_of(const nlattr* attribute) {
  if (attribute == nullptr || nla_len(attribute) < static_cast<int>(sizeof(T))) return std::nullopt;
  T value{};
  memcpy(&value, nla_data(attribute), sizeof value);
  return value;
}

PacketDiag parse(nlattr* const* has) {
  PacketDiag s;
  if (const auto info = value_of<packet_diag_info>(has[PACKET_DIAG_INFO])) s.info = *info;
  if (const nlattr* list = has[PACKET_DIAG_MCLIST]) {
    s.addresses.resize(static_cast<size_t>(nla_len(list)) / sizeof(packet_diag_mclist));
    if (!s.addresses.empty())
      memcpy(s.addresses.data(), nla_data(list), s.addresses.size() * sizeof(packet_diag_mclist));
  }
  s.receive = value_of<packet_diag_ring>(has[PACKET_DIAG_RX_RING]);
  s.send = value_of<packet_diag_ring>(has[PACKET_DIAG_TX_RING]);
  s.has_fanout = has[PACKET_DIAG_FANOUT] != nullptr;
  return s;
}

}  // namespace

std::map<uint32_t, PacketDiag> read_packet_sockets() {
  packet_diag_req request{};
  request.sdiag_family = AF_PACKET;
  request.pdiag_show =
      PACKET_SHOW_INFO | PACKET_SHOW_MCLIST | PACKET_SHOW_RING_CFG | PACKET_SHOW_FANOUT;
  std::map<uint32_t, PacketDiag> sockets;
  SockDiag("the packet sockets").ask(&request, sizeof request, [&](nlmsghdr* header) {
    nlattr* has[PACKET_DIAG_MAX + 1] = {};
    if (nlmsg_parse(header, sizeof(packet_diag_msg), has, PACKET_DIAG_MAX, nullptr) != 0) return;
    const auto& message = *static_cast<const packet_diag_msg*>(nlmsg_data(header));
    PacketDiag& s = sockets[message.pdiag_ino] = parse(has);
    s.protocol = htons(message.pdiag_num);
  });
  return sockets;
}

}  // namespace criu::net
