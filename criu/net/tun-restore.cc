// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/tun-restore.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>

#include <string_view>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/net/tun-device.h"

namespace criu::net {

namespace {

// As a peer has it whose images say nothing of that.
int open_flags(const TunfileEntry& e) {
  return e.has_flags ? static_cast<int>(e.flags) : O_RDWR;
}

UniqueFd open_file(const TunfileEntry& e) {
  UniqueFd fd = open_tun(open_flags(e));
  files::set_status_flags(fd.get(), e.flags, "a descriptor of /dev/net/tun");
  return fd;
}

class RestoredTun : public files::RestoredEntry<TunfileEntry> {
 public:
  using RestoredEntry::RestoredEntry;
  UniqueFd open() override { return open_file(entry_); }
};

// A queue of a device, which has been made.
class RestoredQueue : public files::RestoredEntry<TunfileEntry> {
 public:
  RestoredQueue(const TunfileEntry& entry, UniqueFd& made) : RestoredEntry(entry), made_(made) {}
  UniqueFd open() override { return std::move(made_); }

 private:
  UniqueFd& made_;
};

// A name with %d would be given a number.
void check_device(const NetDeviceEntry& e) {
  const std::string_view name = e.name;
  if (name.empty() || name.size() >= IFNAMSIZ || name.find('%') != std::string_view::npos)
    fail("netdev image: {} is no name of a network device", name);
  if (e.type != ND_TYPE__TUN || e.tun == nullptr)
    fail("netdev image: the network device {} is no TUN/TAP device", name);
  const uint32_t type = e.tun->flags & (IFF_TUN | IFF_TAP);
  if (type != IFF_TUN && type != IFF_TAP)
    fail("netdev image: the network device {} is neither TUN nor TAP ({:#x})", name, e.tun->flags);
}

bool is_persistent(const NetDeviceEntry& e) {
  return (e.tun->flags & IFF_PERSIST) != 0;
}

// Whether it may be the one that was left by the dump.
bool is_same(const NetDeviceEntry& e, const NetLink& there) {
  return there.tun && is_persistent(e) && there.tun->is_persistent &&
         there.tun->is_tap == ((e.tun->flags & IFF_TAP) != 0) &&
         there.tun->has_queues == ((e.tun->flags & IFF_MULTI_QUEUE) != 0);
}

}  // namespace

TunRestore::~TunRestore() {
  if (!persistent_) return;
  for (const auto& [name, device] : devices_) {
    if (!device.control) continue;
    try {
      set_tun_persistent(device.control.get(), false, name);
    } catch (const Error& e) {
      log::warn("{}", e.what());
    }
  }
}

std::unique_ptr<files::RestoredFile> TunRestore::read(files::RestoreContext& context,
                                                      const TunfileEntry& entry) {
  if (entry.netdev == nullptr) return std::make_unique<RestoredTun>(entry);
  Device& device = devices_[entry.netdev];
  if (device.entry == nullptr) {
    device.ns_id = entry.ns_id;
    device.entry = find(context, entry.ns_id, entry.netdev);
    check_device(*device.entry);
    routes_.try_emplace(entry.ns_id, context.dir, entry.ns_id);
    plan(device);
  } else if ((device.entry->tun->flags & IFF_MULTI_QUEUE) == 0) {
    fail("files.img: the network device {} has several queues, but is not made for that",
         entry.netdev);
  }
  device.queues.push_back({&entry, {}});
  return std::make_unique<RestoredQueue>(entry, device.queues.back().fd);
}

NetDeviceEntry* TunRestore::find(files::RestoreContext& context, uint32_t ns_id,
                                 const std::string& name) {
  const auto [it, is_first] = images_.try_emplace(ns_id);
  if (is_first) {
    image::Reader img(context.dir, image::Kind::kNetdev, ns_id);
    while (auto* e = img.next<NetDeviceEntry>(context.arena)) it->second.push_back(e);
  }
  for (NetDeviceEntry* e : it->second)
    if (e->name == name) return e;
  fail("{} has no network device {}", image::file_name(image::Kind::kNetdev, ns_id), name);
}

void TunRestore::plan(Device& device) {
  if (!links_) {
    RouteSocket socket;
    links_ = read_links(socket);
  }
  const NetDeviceEntry& e = *device.entry;
  const NetLink* there = find_link(*links_, e.name);
  if (there != nullptr && !is_same(e, *there))
    fail("there is a network device {} already, which is not the one that is to be restored",
         e.name);
  device.is_new = there == nullptr;
  if (!device.is_new) return;
  const NetLink* of_number = find_link(*links_, e.ifindex);
  if (of_number == nullptr)
    device.index = e.ifindex;
  else
    log::warn("Network device {}: its number {} is that of {} now; it gets another one", e.name,
              e.ifindex, of_number->name);
  if (!e.has_master || e.master == 0) return;
  const NetLink* master = find_link(*links_, e.master);
  if (master == nullptr || master->kind != "bridge")
    fail("the network device {} was a port of the bridge of number {}, which is not there", e.name,
         e.master);
}

// A number that is left to the kernel may be one that another of them is to have.
void TunRestore::make(files::RestoreContext& context) {
  for (const bool has_number : {true, false})
    for (auto& [name, device] : devices_)
      if ((device.index != 0) == has_number) make(context, device);
}

void TunRestore::make(files::RestoreContext& context, Device& device) {
  const NetDeviceEntry& e = *device.entry;
  bool is_first = true;
  for (Queue& queue : device.queues) {
    queue.fd = context.fds.raise(open_file(*queue.entry));
    attach_tun(queue.fd.get(), e, is_first ? device.index : 0, is_first && device.is_new);
    is_first = false;
  }
  const UniqueFd& any = device.queues.front().fd;
  set_tun(any.get(), e);
  if (device.is_new) {
    set_tun_owner(any.get(), e);
    configure(device);
    if (is_persistent(e))
      device.control = context.fds.raise(UniqueFd(fcntl(any.get(), F_DUPFD_CLOEXEC, 0)));
  }
  for (const Queue& queue : device.queues)
    if (queue.entry->detached) switch_tun_off(queue.fd.get(), e.name);
}

void TunRestore::configure(const Device& device) {
  const NetDeviceEntry& e = *device.entry;
  RouteSocket socket;
  const std::vector<NetLink> links = read_links(socket);
  const NetLink* link = find_link(links, e.name);
  if (link == nullptr) fail("the network device {} has gone as soon as it was made", e.name);
  configure_link(socket, e, link->index);
  routes_.at(device.ns_id).give(socket, e.ifindex, link->index, e.name);
  finish_link(socket, e, link->index);
}

void TunRestore::make_persistent() {
  persistent_ = true;
  for (const auto& [name, device] : devices_)
    if (device.control) set_tun_persistent(device.control.get(), true, name);
}

void TunRestore::keep() {
  persistent_ = false;
  devices_.clear();
}

}  // namespace criu::net
