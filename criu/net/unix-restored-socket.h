// SPDX-License-Identifier: GPL-2.0-only
#pragma once

// Of UnixRestore alone: what its two passes know of a socket, and do alike.

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <functional>
#include <optional>
#include <span>
#include <string>

#include "criu/base/child.h"
#include "criu/base/error.h"
#include "criu/net/unix-restore.h"

namespace criu::net {

struct UnixRestore::Socket {
  const UnixSkEntry* entry;
  std::string name;
  UniqueFd made;
  int fd = -1;             // made, also when it has been handed on
  UniqueFd other_end;      // until its queue is full: in the place of a peer that has gone
  std::string other_name;  // that this is bound to
  std::string peer_name;   // of a peer that has gone
  Socket* twin = nullptr;  // made as a pair with it
  bool has_left = false;   // a pair that its twin alone is connected by: see the header
  bool has_queue = false;  // something in it that was not read
  bool connected = false;  // a datagram socket: it is by now, or is about to be

  bool is_datagram() const { return entry->type == SOCK_DGRAM; }
  bool is_listening() const { return entry->state == TCP_LISTEN; }
  bool is_connected() const { return !is_datagram() && entry->state == TCP_ESTABLISHED; }
  // Of datagram sockets also those are in that state that others have connected to.
  bool lost_its_peer() const {
    return entry->peer == 0 && entry->state == TCP_ESTABLISHED &&
           (entry->has_peer_name || !is_datagram() || name.empty());
  }
  // A pair by birth, though of another than today's peer perhaps.
  bool tells_credentials() const { return entry->has_peer_pid != 0; }
  // Whom SO_PEERCRED names.
  std::optional<Caller> peer() const {
    if (!entry->has_peer_pid || !entry->has_peer_uid || !entry->has_peer_gid) return {};
    return Caller{static_cast<pid_t>(entry->peer_pid), entry->peer_uid, entry->peer_gid,
                  std::span(entry->peer_groups, entry->n_peer_groups)};
  }
  // Who has connected, where that was not accepted.
  std::optional<Caller> client() const {
    if (!entry->has_client_pid || !entry->has_client_uid || !entry->has_client_gid) return {};
    return Caller{static_cast<pid_t>(entry->client_pid), entry->client_uid, entry->client_gid,
                  std::span(entry->client_groups, entry->n_client_groups)};
  }
  std::string who() const { return fmt::format("socket {} ({})", entry->id, readable_name(name)); }
  // Where its file is to be; empty: nowhere.
  std::string final() const {
    if (!is_path_name(name) || (entry->has_deleted && entry->deleted)) return {};
    if (entry->path != nullptr) return entry->path;
    const std::string path = name.substr(0, name.find('\0'));
    if (path[0] == '/') return path;
    if (entry->name_dir == nullptr) fail("{}: nobody says where {} begins", who(), path);
    return std::string(entry->name_dir) + "/" + path;
  }
};

inline int status(int result) {
  return result < 0 ? errno : 0;
}

// f is a call that SO_PEERCRED will tell of, made by that one if there is one: it returns 0 or an
// errno.
void call_as(const std::optional<Caller>& by, const std::string& what,
             const std::function<int()>& f);

void disconnect_socket(int fd, const std::string& who);

}  // namespace criu::net
