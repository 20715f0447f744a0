// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/unix-outside.h"

#include <fcntl.h>
#include <sys/socket.h>

#include "criu/base/error.h"
#include "criu/net/unix-names.h"

namespace criu::net {

namespace {

constexpr uint32_t kExtern = 1;  // unix_sk_entry.uflags: of the outside

// The peer's, as far as it matters to who connects to it.
void add_peer(files::DumpContext& context, const UnixDiag& peer) {
  FileEntry* entry = context.extra_entry(FD_TYPES__UNIXSK);
  auto* e = context.arena.make<UnixSkEntry>();
  e->id = entry->id;
  e->ino = peer.inode;
  e->type = peer.type;
  e->state = peer.state;
  e->flags = O_RDWR;
  e->uflags = kExtern;
  e->fown = context.arena.make<FownEntry>();
  e->opts = context.arena.make<SkOptsEntry>();
  e->name = context.arena.bytes(peer.name->data(), peer.name->size());
  entry->usk = e;
}

bool has_address(const UnixDiag& peer) {
  return peer.type == SOCK_DGRAM && peer.name && !peer.name->empty();
}

}  // namespace

void dump_outside_peer(files::DumpContext& context, const std::string& who, const UnixDiag& socket,
                       const UnixDiag* peer, std::set<uint32_t>& known, UnixSkEntry& e) {
  const std::string key = fmt::format("unix[{}]", socket.peer);
  const bool is_named = context.options.external.contains(key);
  if (peer != nullptr && has_address(*peer)) {
    const std::string name = readable_name(*peer->name);
    if (!is_named && !context.options.external_unix_sockets)
      fail("{}: its peer ({}, {}) is not in the tree: --external {} or --ext-unix-sk allows that",
           who, key, name, key);
    if (is_path_name(*peer->name) && peer->name->front() != '/')
      fail("{}: its peer ({}) is not in the tree, and has the relative name {}: not supported yet",
           who, key, name);
    if (known.insert(socket.peer).second) add_peer(context, *peer);
    return;
  }
  if (!is_named)
    fail(
        "{}: its peer ({}) is not in the tree, and cannot be connected to anew: --external {} "
        "allows "
        "that, and a restore is to be given a socket by --inherit-fd fd[N]:socket:[{}]",
        who, key, key, socket.inode);
  e.peer = 0;
  CRIU_SET_OPTIONAL(&e, external, 1);
}

const UnixSkEntry* OutsidePeers::find(uint32_t inode) {
  if (!peers_) {
    peers_.emplace();
    image::Reader img(context_.dir, image::Kind::kFiles);
    while (const auto* e = img.next<FileEntry>(context_.arena))
      if (e->usk != nullptr && (e->usk->uflags & kExtern) != 0) (*peers_)[e->usk->ino] = e->usk;
  }
  const auto it = peers_->find(inode);
  return it == peers_->end() ? nullptr : it->second;
}

void OutsidePeers::connect(int fd, uint32_t inode, const std::string& who) {
  const UnixSkEntry* e = find(inode);
  if (e == nullptr) fail("{} is connected to a socket that no image has", who);
  const std::string name(reinterpret_cast<const char*>(e->name.data), e->name.len);
  if (name.empty()) fail("{} is connected to a socket of the outside without a name", who);
  socklen_t size = 0;
  const sockaddr_un address = unix_address(name, size);
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), size) < 0)
    fail_errno("cannot connect {} to {}, which is outside of the tree", who, readable_name(name));
}

}  // namespace criu::net
