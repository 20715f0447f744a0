// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/shared-ports.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <tuple>
#include <utility>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/net/inet-diag.h"

namespace criu::net {

void BindOrder::add(InetSkEntry& e) {
  const bool is_udp = e.proto == IPPROTO_UDP || e.proto == IPPROTO_UDPLITE;
  if (e.type == SOCK_DGRAM && is_udp && e.src_port != 0 && e.opts->so_reuseport)
    entries_.push_back(&e);
}

void BindOrder::note() {
  std::map<std::tuple<uint32_t, uint32_t, uint32_t>, std::map<uint32_t, InetSkEntry*>> ports;
  for (InetSkEntry* e : entries_) ports[{e->proto, e->family, e->src_port}][e->ino] = e;
  for (const auto& [port, by_inode] : ports) {
    if (by_inode.size() == 1) continue;
    const auto [protocol, family, number] = port;
    try {
      uint32_t turn = 0;
      for (const uint32_t inode :
           read_bind_order(static_cast<uint8_t>(protocol), static_cast<uint8_t>(family),
                           static_cast<uint16_t>(number)))
        if (const auto it = by_inode.find(inode); it != by_inode.end())
          CRIU_SET_OPTIONAL(it->second, turn, turn++);
    } catch (const Error& error) {
      log::warn("sockets of port {} may come back in another order: {}", number, error.what());
    }
  }
}

// One that may have others of its port.
class SharedPorts::Member : public files::RestoredFile {
 public:
  explicit Member(std::unique_ptr<RestoredInet> socket) : socket_(std::move(socket)) {}

  UniqueFd open() override {
    if (fd_) return std::move(fd_);
    UniqueFd fd = socket_->open();
    end_sharing(fd.get());
    return fd;
  }
  uint32_t flags() const override { return socket_->flags(); }
  const FownEntry* fown() const override { return socket_->fown(); }

  RestoredInet& socket() { return *socket_; }
  const InetSkEntry& entry() const { return socket_->entry(); }
  void make(const ServiceFds& fds) { fd_ = fds.raise(socket_->open()); }
  void end_sharing() { end_sharing(fd_.get()); }

 private:
  void end_sharing(int fd) { socket_->end_sharing(fd); }

  std::unique_ptr<RestoredInet> socket_;
  UniqueFd fd_;
};

bool SharedPorts::can_share(const InetSkEntry& e) {
  return e.type == SOCK_DGRAM && e.src_port != 0;
}

std::unique_ptr<files::RestoredFile> SharedPorts::add(files::RestoreContext& context,
                                                      std::unique_ptr<RestoredInet> socket) {
  const InetSkEntry& e = socket->entry();
  if (!can_share(e)) return socket;
  auto member = std::make_unique<Member>(std::move(socket));
  std::vector<Member*>& members = groups_[{e.proto, e.src_port}].members;
  members.push_back(member.get());
  if (members.size() == 2) context.need(members.front()->entry().id);
  if (members.size() > 1) context.need(e.id);
  return member;
}

void SharedPorts::add_given(const InetSkEntry& e) {
  if (can_share(e)) groups_[{e.proto, e.src_port}].is_given = true;
}

void SharedPorts::make(files::RestoreContext& context) {
  for (auto& [port, group] : groups_) {
    if (group.is_given)
      for (Member* m : group.members) m->socket().share_port();
    if (group.members.size() > 1) make(group, context.fds);
  }
}

// Those of no order, which are of no such group, come behind; and first of them who has a queue,
// which the others could get.
void SharedPorts::make(Group& group, const ServiceFds& fds) {
  std::ranges::stable_sort(group.members, {}, [](const Member* m) {
    const InetSkEntry& e = m->entry();
    return std::tuple(!e.has_turn, e.turn, e.queued == 0);
  });
  if (!group.is_given)
    for (Member* m : group.members) m->socket().check_port();
  for (Member* m : group.members) m->socket().share_port();
  for (Member* m : group.members) m->make(fds);
  for (Member* m : group.members) m->end_sharing();
}

}  // namespace criu::net
