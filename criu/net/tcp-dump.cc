// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tcp-dump.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/base/parallel.h"
#include "criu/net/inet-options.h"
#include "criu/net/socket-options.h"
#include "criu/net/tcp-repair.h"
#include "criu/net/tcp-urgent.h"

namespace criu::net {

namespace {

constexpr size_t kGrain = 32;

}  // namespace

void TcpDump::add(const files::OpenFile& file, const std::string& who, InetSkEntry& entry) {
  UniqueFd fd(fcntl(file.own.get(), F_DUPFD_CLOEXEC, 0));
  if (!fd) fail_errno("cannot duplicate {}", who);
  members_.push_back({std::move(fd), &entry, who, {}, {}});
}

std::set<uint32_t> TcpDump::families() const {
  std::set<uint32_t> all;
  for (const Member& m : members_) all.insert(m.entry->family);
  return all;
}

void TcpDump::in_parallel(const std::function<void(Member&, image::Arena&)>& f) {
  while (arenas_.size() * kGrain < members_.size()) arenas_.emplace_back();
  for_each_in_parallel(members_.size(), kGrain,
                       [&](size_t i) { f(members_[i], arenas_[i / kGrain]); });
}

// getpeername(2) tells nothing of one that has not been answered.
void TcpDump::find_peer(Member& m) {
  if (m.entry->state != kSynSent) return;
  m.entry->dst_port = m.diag.peer_port;
  std::copy_n(m.diag.peer.begin(), m.entry->n_dst_addr, m.entry->dst_addr);
}

void TcpDump::look(const TcpSockets& sockets) {
  in_parallel([&](Member& m, image::Arena& arena) {
    const auto diag = sockets.by_inode.find(m.entry->ino);
    // One that has ended since it was found is not there any more.
    if (diag == sockets.by_inode.end())
      fail_for_now("{}: the connection has ended, or is not of this network namespace", m.who);
    m.diag = diag->second;
    if (m.diag.is_signed)
      fail("{}: its segments are signed by a key (TCP_MD5SIG): not supported yet", m.who);
    find_peer(m);
    m.entry->opts = read_socket_options(arena, m.fd.get(), m.who, m.diag.options);
    read_inet_options(arena, *m.entry, m.fd.get(), m.who, m.diag.options);
  });
}

std::vector<Connection> TcpDump::connections() const {
  std::vector<Connection> all;
  for (const Member& m : members_) all.push_back(connection_of(*m.entry));
  return all;
}

void TcpDump::hold(files::DumpContext& context) {
  if (members_.empty()) return;
  const std::vector<pid_t> tasks(context.tasks.rbegin(), context.tasks.rend());
  lock_.emplace(context.options.network_lock, context.options.tree, context.run_id);
  successor_.emplace([this] { undo(); }, [this, tasks] { kill_tasks(tasks); });
  lock_->lock(connections());
  in_parallel([](Member& m, image::Arena& arena) {
    m.stream = read_stream(arena, *m.entry, m.fd.get(), m.diag, m.who);
  });
}

void TcpDump::write(const image::Directory& dir) {
  in_parallel([&](Member& m, image::Arena&) { write_stream(dir, m.entry->ino, m.stream); });
}

// Also where only some of it has been done, or nothing.
void TcpDump::undo() noexcept {
  for (const Member& m : members_) {
    int repair = 0;
    socklen_t size = sizeof repair;
    if (getsockopt(m.fd.get(), IPPROTO_TCP, TCP_REPAIR, &repair, &size) < 0 || repair == 0)
      continue;
    undo_peek(m.fd.get(), *m.entry);
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

// The sockets are closed at once, so that the tasks do the work of closing them for good: nobody
// waits for that but those who look for their end.
void TcpDump::kill_tasks(const std::vector<pid_t>& tasks) noexcept {
  const int on = TCP_REPAIR_ON;
  for (Member& m : members_) {
    setsockopt(m.fd.get(), IPPROTO_TCP, TCP_REPAIR, &on, sizeof on);
    m.fd.reset();
  }
  for (const pid_t task : tasks) kill(task, SIGKILL);
}

void TcpDump::before_kill() {
  if (!successor_) return;
  for (Member& m : members_) m.fd.reset();
  successor_->order();
  successor_.reset();
}

}  // namespace criu::net
