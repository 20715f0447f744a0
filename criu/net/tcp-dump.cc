// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tcp-dump.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/net/inet-diag.h"
#include "criu/net/socket-options.h"
#include "criu/net/tcp-repair.h"

namespace criu::net {

void TcpDump::add(const files::OpenFile& file, InetSkEntry& entry) {
  UniqueFd fd(fcntl(file.own.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd) fail_errno("cannot duplicate {}", file.who());
  members_.push_back({std::move(fd), &entry, file.who(), {}});
}

std::vector<Connection> TcpDump::connections() const {
  std::vector<Connection> all;
  for (const Member& m : members_) all.push_back(connection_of(*m.entry));
  return all;
}

// getpeername(2) tells nothing of one that has not been answered.
void TcpDump::find_peers() {
  std::optional<TcpSockets> sockets;
  for (Member& m : members_) {
    if (m.entry->state != kSynSent) continue;
    if (!sockets) sockets = read_tcp_sockets();
    const auto diag = sockets->by_inode.find(m.entry->ino);
    if (diag == sockets->by_inode.end()) continue;
    m.entry->dst_port = diag->second.peer_port;
    std::copy_n(diag->second.peer.begin(), m.entry->n_dst_addr, m.entry->dst_addr);
  }
}

void TcpDump::hold(files::DumpContext& context) {
  if (members_.empty()) return;
  find_peers();
  const std::vector<pid_t> tasks(context.tasks.rbegin(), context.tasks.rend());
  lock_.emplace(context.options.network_lock, context.options.tree);
  successor_.emplace([this] { undo(); }, [this, tasks] { kill_tasks(tasks); });
  lock_->lock(connections());
  const TcpSockets sockets = read_tcp_sockets();
  for (Member& m : members_) {
    const auto diag = sockets.by_inode.find(m.entry->ino);
    // One that has ended since it was found is not there any more.
    if (diag == sockets.by_inode.end())
      fail("{}: the connection has ended, or is not of this network namespace", m.who);
    m.entry->state = diag->second.state;
    // Other readers shut down what is told to be so, and know no value for neither way.
    if (const int way = diag->second.shutdown & 3; way != 0)
      CRIU_SET_OPTIONAL(m.entry, shutdown, static_cast<SkShutdown>(way));
    m.stream = read_stream(context.arena, m.fd.get(), diag->second, m.reuse(), m.who);
  }
}

void TcpDump::write(const image::Directory& dir) const {
  for (const Member& m : members_) write_stream(dir, m.entry->ino, m.stream);
}

// Also where only some of it has been done, or nothing.
void TcpDump::undo() noexcept {
  for (const Member& m : members_) {
    int repair = 0;
    socklen_t size = sizeof repair;
    if (getsockopt(m.fd.get(), IPPROTO_TCP, TCP_REPAIR, &repair, &size) == 0 && repair != 0)
      leave_repair(m.fd.get(), m.reuse());
  }
  lock_->unlock(connections());
}

void TcpDump::release() noexcept {
  if (!successor_) return;
  undo();
  successor_.reset();
  members_.clear();
}

void TcpDump::kill_tasks(const std::vector<pid_t>& tasks) const noexcept {
  const int on = TCP_REPAIR_ON;
  for (const Member& m : members_) setsockopt(m.fd.get(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on);
  for (const pid_t task : tasks) kill(task, SIGKILL);
}

void TcpDump::before_kill() {
  if (!successor_) return;
  successor_->order();
  successor_.reset();
}

}  // namespace criu::net
