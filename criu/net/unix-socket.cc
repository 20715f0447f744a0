// SPDX-License-Identifier: GPL-2.0-only
//
// Sockets of the UNIX family: unix(7). What a dump stores of them; unix-restore.cc makes them anew.

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>

#include "criu/base/error.h"
#include "criu/base/proc.h"
#include "criu/files/file-kind.h"
#include "criu/net/socket-options.h"
#include "criu/net/socket-queue.h"
#include "criu/net/unix-diag.h"
#include "criu/net/unix-names.h"
#include "criu/net/unix-outside.h"
#include "criu/net/unix-restore.h"

namespace criu::net {

namespace {

constexpr unsigned long kUnixFile = SIOCPROTOPRIVATE;  // SIOCUNIXFILE, linux/un.h

bool is_listening(const UnixDiag& diag) {
  return diag.state == TCP_LISTEN;
}

class UnixKind : public files::FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__UNIXSK; }
  bool recognises(const files::OpenFile& f) const override { return socket_domain(f) == AF_UNIX; }

  void dump(files::DumpContext& context, const files::OpenFile& f, FileEntry* entry) override {
    const UnixDiag& diag = diag_of(f);
    auto* e = context.arena.make<UnixSkEntry>();
    e->id = entry->id;
    e->ino = diag.inode;
    e->type = diag.type;
    e->state = diag.state;
    e->flags = static_cast<uint32_t>(f.flags);
    e->fown = f.fown;
    e->backlog = is_listening(diag) ? diag.outgoing : 0;
    e->peer = diag.peer;
    e->opts = read_socket_options(context.arena, f.own.get(), f.who());
    if (diag.name) e->name = context.arena.bytes(diag.name->data(), diag.name->size());
    entry->usk = e;
    if (context.options.external.contains(f.link)) {
      // What stands in it is not the tree's alone, and is still there at a restore.
      e->peer = 0;
      CRIU_SET_OPTIONAL(e, external, 1);
      return;
    }
    if (diag.shutdown != 0) CRIU_SET_OPTIONAL(e, shutdown, static_cast<SkShutdown>(diag.shutdown));
    if (diag.name && is_path_name(*diag.name)) note_file(context, f, *diag.name, e);
    if (diag.peer == 0 && diag.state == TCP_ESTABLISHED) note_peer_name(context, f, e);
    note_peer(context, f, diag, e);
    e->n_pending = diag.pending.size();
    e->pending = context.arena.copy<uint32_t>(diag.pending);
    if (const int off = get_option(f.own.get(), SOL_SOCKET, SO_PEEK_OFF, f.who()); off >= 0)
      CRIU_SET_OPTIONAL(e, peek_off, static_cast<uint32_t>(off));
    pollfd p{f.own.get(), POLLIN | POLLPRI, 0};
    const bool has_more = !is_listening(diag) && poll(&p, 1, 0) == 1 && (p.revents & POLLIN) != 0;
    if ((p.revents & POLLPRI) != 0)
      fail("{}: urgent data (MSG_OOB) stands in its queue: not supported yet", f.who());
    UniqueFd own(has_more ? fcntl(f.own.get(), F_DUPFD_CLOEXEC, 0) : -1);
    if (has_more && !own) fail_errno("cannot duplicate {}", f.who());
    sockets_.emplace(diag.inode,
                     Socket{e, f.within.empty() ? f.pid : 0, f.who(), diag, std::move(own), 0});
  }

  // Descriptors under way may be sockets themselves.
  void look_inside(files::DumpContext& context) override {
    for (auto& [inode, socket] : sockets_) {
      if (!socket.own) continue;
      const UniqueFd own = std::move(socket.own);
      for (Packet& packet : peek(own.get(), socket.who)) {
        const SkPacketEntry* message = entry_of(context, socket, packet);
        context.add_message(message, std::move(packet.data));
        socket.queued++;
      }
    }
  }

  void check_dump(files::DumpContext& context) override {
    for (auto& [inode, socket] : sockets_) {
      const UnixDiag& diag = socket.diag;
      CRIU_SET_OPTIONAL(socket.entry, queued, socket.queued);
      if (diag.peer != 0 && !sockets_.contains(diag.peer)) {
        const auto peer = all_->find(diag.peer);
        dump_outside_peer(context, socket.who, diag, peer == all_->end() ? nullptr : &peer->second,
                          outside_peers_, *socket.entry);
      }
      if (is_listening(diag) && diag.pending.size() < diag.incoming)
        fail_for_now("{}: {} clients wait to be accepted, more than the kernel can tell of",
                     socket.who, diag.incoming);
      for (const uint32_t client : diag.pending) {
        check_pending(socket, client);
        note_client(context, sockets_.at(client));
        sockets_.at(client).entry->peer = inode;
      }
      if (!is_listening(diag) && diag.type != SOCK_DGRAM && diag.state == TCP_ESTABLISHED &&
          diag.peer == 0)
        check_client(socket);
    }
  }

  void prepare_restore(files::RestoreContext& context) override { restore_.emplace(context); }
  std::unique_ptr<files::RestoredFile> read(files::RestoreContext& context,
                                            const FileEntry& entry) override {
    if (entry.usk == nullptr) fail("file {} in files.img is no UNIX socket", entry.id);
    return restore_->add(context, *entry.usk);
  }
  void make(files::RestoreContext&) override { restore_->make(); }
  void fill_late(files::RestoreContext& context) override { restore_->fill(context); }
  void before_release() override {
    restore_->place_files();
    restore_->let_go();
  }
  void finish_restore() override { restore_->keep(); }

 private:
  struct Socket {
    UnixSkEntry* entry;
    pid_t task;  // the first that has it; 0: it is under way alone
    std::string who;
    UnixDiag diag;
    UniqueFd own;     // until its queue has been looked into, if there is anything in it
    uint32_t queued;  // messages
  };

  const UnixDiag& diag_of(const files::OpenFile& f) {
    const auto inode = static_cast<uint32_t>(f.st.st_ino);
    if (!all_) all_ = read_unix_sockets();
    // The kernel goes by positions, and passes over one where others end meanwhile:
    // net/unix/diag.c, unix_diag_dump().
    for (int again = 0; again < 3 && !all_->contains(inode); again++)
      all_->merge(read_unix_sockets());
    const auto it = all_->find(inode);
    if (it == all_->end())
      fail("{}: the socket is not of this network namespace: not supported yet", f.who());
    if (it->second.type != SOCK_STREAM && it->second.type != SOCK_DGRAM &&
        it->second.type != SOCK_SEQPACKET)
      fail("{}: a UNIX socket of type {} is not supported yet", f.who(), it->second.type);
    return it->second;
  }

  // Messages to who wants descriptors of their senders (SO_PASSPIDFD) say who sent them, too.
  static std::vector<Packet> peek(int fd, const std::string& who) {
    static constexpr std::array kCredentials = {Telling{SOL_SOCKET, SO_PASSCRED}};
    int wants = 0;
    socklen_t size = sizeof wants;
    if (getsockopt(fd, SOL_SOCKET, kPassPidfd, &wants, &size) < 0 || wants == 0)
      return peek_queue(fd, who);
    return peek_queue(fd, who, kCredentials);
  }

  static bool is_at(const std::string& path, const struct stat& file) {
    struct stat there {};
    return lstat(path.c_str(), &there) == 0 && there.st_dev == file.st_dev &&
           there.st_ino == file.st_ino;
  }

  // A server may bind to a name of the moment, give the file its final one (link(2)) and remove the
  // first, so that nobody finds it there before it listens.
  static std::string other_name(const std::string& path, const struct stat& file,
                                const std::string& who) {
    const std::filesystem::path directory = std::filesystem::path(path).parent_path();
    std::error_code none;
    for (const auto& entry : std::filesystem::directory_iterator(directory, none))
      if (is_at(entry.path(), file)) return entry.path();
    fail("{}: its name {} was removed, and its other one is not in that directory", who, path);
  }

  // Where the file is now, whatever name it was bound by.
  static void note_file(files::DumpContext& context, const files::OpenFile& f,
                        const std::string& sun_path, UnixSkEntry* e) {
    const UniqueFd file(ioctl(f.own.get(), kUnixFile));
    struct stat st {};
    if (!file || fstat(file.get(), &st) < 0) fail_errno("cannot find the file of {}", f.who());
    e->file_perms = context.arena.make<FilePermsEntry>();
    e->file_perms->mode = st.st_mode, e->file_perms->uid = st.st_uid;
    e->file_perms->gid = st.st_gid;
    std::string path = read_link(self_fd(file.get()));
    constexpr std::string_view kDeleted = " (deleted)";
    const bool is_removed = path.ends_with(kDeleted) && !is_at(path, st);
    if (is_removed) path.resize(path.size() - kDeleted.size());
    if (st.st_nlink == 0)
      CRIU_SET_OPTIONAL(e, deleted, 1);
    else if (is_removed)
      path = other_name(path, st, f.who());
    const std::string name = sun_path.substr(0, sun_path.find('\0'));
    if (name == path) return;
    if (const std::string below = "/" + plain_path(name); name[0] != '/' && path.ends_with(below)) {
      e->name_dir = context.arena.text(path.substr(0, path.size() - below.size()));
      if (*e->name_dir == '\0') e->name_dir = context.arena.text("/");
    } else {
      e->path = context.arena.text(path);
    }
  }

  // Whether a datagram socket has the peer that socketpair(2) gave it: nothing else gives one that
  // has no name.
  bool is_by_birth(const UnixDiag& diag, const UnixSkEntry& e) const {
    if (diag.peer == 0) return e.has_peer_name && e.peer_name.len == 0;
    const auto peer = all_->find(diag.peer);
    return peer != all_->end() && !peer->second.name;
  }

  static std::vector<gid_t> peer_groups(const files::OpenFile& f) {
    std::vector<gid_t> groups(32);
    for (;;) {
      auto size = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
      const int rc = getsockopt(f.own.get(), SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size);
      if (rc < 0 && errno != ERANGE)
        fail_errno("cannot ask for the groups of the peer of {}", f.who());
      groups.resize(size / sizeof(gid_t));
      if (rc == 0) return groups;
    }
  }

  // An error that the next call will tell of shows in poll(2), and is not taken by it.
  void note_peer(files::DumpContext& context, const files::OpenFile& f, const UnixDiag& diag,
                 UnixSkEntry* e) const {
    ucred peer{};
    socklen_t size = sizeof peer;
    if (ask_option(f.own.get(), SOL_SOCKET, SO_PEERCRED, &peer, size, f.who()) && peer.pid != 0) {
      CRIU_SET_OPTIONAL(e, peer_pid, static_cast<uint32_t>(peer.pid));
      CRIU_SET_OPTIONAL(e, peer_uid, peer.uid);
      CRIU_SET_OPTIONAL(e, peer_gid, peer.gid);
      const std::vector<gid_t> groups = peer_groups(f);
      e->n_peer_groups = groups.size();
      e->peer_groups = context.arena.copy<uint32_t>(groups);
    }
    pollfd p{f.own.get(), 0, 0};
    if (poll(&p, 1, 0) < 0) fail_errno("cannot poll {}", f.who());
    if ((p.revents & POLLERR) == 0) return;
    // Of one with a queue peek_queue() knows whether it can be stored.
    if (diag.type == SOCK_DGRAM && !is_by_birth(diag, *e))
      fail_for_now("{}: an error waits to be told (SO_ERROR), which cannot be stored", f.who());
    CRIU_SET_OPTIONAL(e, reset, 1);
  }

  // The kernel has it for as long as it has the socket. A datagram socket may never have had one.
  static void note_peer_name(files::DumpContext& context, const files::OpenFile& f,
                             UnixSkEntry* e) {
    sockaddr_un address{};
    socklen_t size = sizeof address;
    if (getpeername(f.own.get(), reinterpret_cast<sockaddr*>(&address), &size) < 0) {
      if (errno == ENOTCONN) return;
      fail_errno("cannot ask for the peer of {}", f.who());
    }
    constexpr size_t kFamily = offsetof(sockaddr_un, sun_path);
    e->has_peer_name = 1;
    // The kernel counts the zero byte behind a path that fills the address.
    const size_t length = std::min<size_t>(size, sizeof address) - kFamily;
    e->peer_name = context.arena.bytes(address.sun_path, length);
  }

  static SkPacketEntry* entry_of(files::DumpContext& context, const Socket& socket,
                                 Packet& packet) {
    auto* e = context.arena.make<SkPacketEntry>();
    e->id_for = socket.entry->id;
    e->length = static_cast<uint32_t>(packet.data.size());
    constexpr size_t kFamily = offsetof(sockaddr_un, sun_path);
    if (packet.sender.size() > kFamily) {
      e->has_addr = 1;
      e->addr = context.arena.bytes(packet.sender.data() + kFamily, packet.sender.size() - kFamily);
    }
    if (packet.credentials) {
      CRIU_SET_OPTIONAL(e, pid, static_cast<uint32_t>(packet.credentials->pid));
      CRIU_SET_OPTIONAL(e, uid, packet.credentials->uid);
      CRIU_SET_OPTIONAL(e, gid, packet.credentials->gid);
    }
    if (!packet.descriptors.empty()) {
      auto* rights = context.arena.make<ScmEntry>();
      rights->type = SCM_RIGHTS;
      rights->n_rights = packet.descriptors.size();
      rights->rights = context.arena.array<uint32_t>(rights->n_rights);
      for (size_t i = 0; i < rights->n_rights; i++)
        rights->rights[i] = context.add_under_way(std::move(packet.descriptors[i]), socket.who);
      e->n_scm = 1;
      e->scm = context.arena.array<ScmEntry*>(1);
      e->scm[0] = rights;
    }
    return e;
  }

  // What a client that was not accepted has sent stands in a socket that nobody has yet.
  void check_pending(const Socket& socket, uint32_t client) const {
    const auto it = sockets_.find(client);
    if (client == 0)
      fail_for_now("{}: a client has gone that waits to be accepted: what it sent cannot be read",
                   socket.who);
    if (it == sockets_.end())
      fail_for_now(
          "{}: a client that waits to be accepted (unix[{}]) is not in the tree: not supported yet",
          socket.who, client);
    if (it->second.diag.outgoing != 0)
      fail_for_now(
          "{}: it has sent data to {}, which has not accepted it: that cannot be read without "
          "accepting it",
          it->second.who, socket.who);
  }

  // Who will have connected, for SO_PEERCRED of what is accepted: the kernel knows, but does not
  // tell.
  static void note_client(files::DumpContext& context, const Socket& client) {
    if (client.task == 0) return;
    const proc::Status status = proc::read_status(client.task, client.task);
    UnixSkEntry* e = client.entry;
    CRIU_SET_OPTIONAL(e, client_pid, static_cast<uint32_t>(client.task));
    CRIU_SET_OPTIONAL(e, client_uid, status.uid[1]);
    CRIU_SET_OPTIONAL(e, client_gid, status.gid[1]);
    e->n_client_groups = status.groups.size();
    e->client_groups = context.arena.copy<uint32_t>(status.groups);
  }

  // Whose peer has no inode is one that waits to be accepted, or one whose peer has gone.
  void check_client(const Socket& socket) {
    for (const auto& [inode, other] : *all_)
      for (const uint32_t client : other.pending)
        if (client == socket.diag.inode && !sockets_.contains(inode))
          fail_for_now(
              "{}: it waits to be accepted by a process outside of the tree: not supported yet",
              socket.who);
  }

  std::optional<std::map<uint32_t, UnixDiag>> all_;
  std::map<uint32_t, Socket> sockets_;  // by inode
  std::set<uint32_t> outside_peers_;    // inodes
  std::optional<UnixRestore> restore_;
};

const files::KindRegistration registration([] { return std::make_unique<UnixKind>(); });

}  // namespace

}  // namespace criu::net
