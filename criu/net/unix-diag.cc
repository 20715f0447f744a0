// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/unix-diag.h"

#include <linux/unix_diag.h>
#include <netinet/tcp.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include <algorithm>

#include "criu/net/sock-diag.h"

namespace criu::net {

namespace {

using Sockets = std::map<uint32_t, UnixDiag>;

uint32_t number(const nlattr* attribute, size_t index = 0) {
  return static_cast<const uint32_t*>(nla_data(attribute))[index];
}

bool has_numbers(const nlattr* attribute, int count) {
  return attribute != nullptr && nla_len(attribute) >= count * static_cast<int>(sizeof(uint32_t));
}

void add(Sockets& sockets, const unix_diag_msg& msg, nlattr* const* has) {
  UnixDiag& s = sockets[msg.udiag_ino];
  s.inode = msg.udiag_ino;
  s.type = msg.udiag_type;
  s.state = msg.udiag_state;
  if (const nlattr* name = has[UNIX_DIAG_NAME])
    s.name.emplace(static_cast<const char*>(nla_data(name)), static_cast<size_t>(nla_len(name)));
  if (const nlattr* file = has[UNIX_DIAG_VFS]; has_numbers(file, 2))
    s.file.emplace(number(file, 0), number(file, 1));
  if (const nlattr* peer = has[UNIX_DIAG_PEER]; has_numbers(peer, 1)) {
    s.has_peer = true;
    s.peer = number(peer);
  }
  if (const nlattr* queues = has[UNIX_DIAG_RQLEN]; has_numbers(queues, 2))
    s.incoming = number(queues, 0), s.outgoing = number(queues, 1);
  if (const nlattr* shutdown = has[UNIX_DIAG_SHUTDOWN];
      shutdown != nullptr && nla_len(shutdown) > 0)
    s.shutdown = *static_cast<const uint8_t*>(nla_data(shutdown));
}

void add_pending(Sockets& sockets, const unix_diag_msg& msg, nlattr* const* has) {
  const auto it = sockets.find(msg.udiag_ino);
  const nlattr* pending = has[UNIX_DIAG_ICONS];
  if (it == sockets.end() || pending == nullptr) return;
  const auto count = static_cast<size_t>(nla_len(pending)) / sizeof(uint32_t);
  it->second.pending.clear();  // others' sockets come and go: one may be told of twice
  for (size_t i = 0; i < count; i++) it->second.pending.push_back(number(pending, i));
}

bool has_pending(const UnixDiag& s) {
  return s.state == TCP_LISTEN && s.incoming != 0;
}

void ask(SockDiag& diag, uint32_t states, uint32_t show, Sockets& sockets,
         void (*take)(Sockets&, const unix_diag_msg&, nlattr* const*)) {
  unix_diag_req request{};
  request.sdiag_family = AF_UNIX;
  request.udiag_states = states;
  request.udiag_show = show;
  diag.ask(&request, sizeof request, [&](nlmsghdr* header) {
    nlattr* has[UNIX_DIAG_MAX + 1] = {};
    if (nlmsg_parse(header, sizeof(unix_diag_msg), has, UNIX_DIAG_MAX, nullptr) == 0)
      take(sockets, *static_cast<const unix_diag_msg*>(nlmsg_data(header)), has);
  });
}

}  // namespace

// Who listens may have thousands waiting, and one answer tells of all of them: that is asked for by
// itself, when the kernel has seen how much is read at a time.
std::map<uint32_t, UnixDiag> read_unix_sockets() {
  Sockets sockets;
  SockDiag diag("the UNIX sockets");
  ask(diag, ~0U, UDIAG_SHOW_NAME | UDIAG_SHOW_VFS | UDIAG_SHOW_PEER | UDIAG_SHOW_RQLEN, sockets,
      add);
  if (std::ranges::any_of(sockets, [](const auto& s) { return has_pending(s.second); }))
    ask(diag, 1U << TCP_LISTEN, UDIAG_SHOW_ICONS, sockets, add_pending);
  return sockets;
}

}  // namespace criu::net
