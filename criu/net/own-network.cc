// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/own-network.h"

#include <sys/socket.h>

#include <cstdint>
#include <optional>

#include "criu/base/error.h"
#include "criu/base/fd.h"
#include "criu/net/socket-options.h"

namespace criu::net {

namespace {

constexpr int kNetnsCookie = 71;  // SO_NETNS_COOKIE

std::optional<uint64_t> cookie_of(int fd, const std::string& who) {
  uint64_t cookie = 0;
  socklen_t size = sizeof cookie;
  if (!ask_option(fd, SOL_SOCKET, kNetnsCookie, &cookie, size, who)) return std::nullopt;
  return cookie;
}

std::optional<uint64_t> own_cookie() {
  const UniqueFd fd(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd) fail_errno("cannot make a UNIX socket");
  return cookie_of(fd.get(), "a socket of criu's own");
}

}  // namespace

void refuse_other_network(int fd, const std::string& who) {
  static const std::optional<uint64_t> own = own_cookie();
  if (cookie_of(fd, who) != own)
    fail("{}: the socket is not of this network namespace: not supported yet", who);
}

}  // namespace criu::net
