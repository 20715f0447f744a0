// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/datagram.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/base/log.h"
#include "criu/base/proc.h"

namespace criu::net {

namespace {

// What is on its way out counts too, for a moment.
bool has_unsent(int fd) {
  constexpr int kRounds = 20;
  constexpr useconds_t kPauseUs = 1000;
  for (int i = 0; i < kRounds; i++) {
    int bytes = 0;
    if (ioctl(fd, SIOCOUTQ, &bytes) < 0 || bytes == 0) return false;
    usleep(kPauseUs);
  }
  return true;
}

}  // namespace

void check_datagrams(const InetSkEntry& e, int fd, const std::string& who) {
  if (has_unsent(fd))
    fail("{}: it has data that waits to be sent (UDP_CORK, MSG_MORE): not supported yet", who);
  pollfd p{fd, POLLIN, 0};
  if (poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0 &&
      !(e.has_shutdown && e.shutdown != SK_SHUTDOWN__NONE))
    log::warn("{}: datagrams that were not read yet will be lost at a restore", who);
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
