// SPDX-License-Identifier: GPL-2.0-only
//
// Descriptors of /dev/net/tun. A device that they drive goes away with the last of them, unless it
// is persistent (TUNSETPERSIST): it is stored with them, in netdev-<id>.img, and made anew with its
// addresses and routes. A persistent one that is there at the restore is left as it is.

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <list>
#include <map>
#include <optional>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/files/file-kind.h"
#include "criu/net/link-routes.h"
#include "criu/net/net-link.h"
#include "criu/net/tun-device.h"
#include "criu/net/tun-restore.h"
#include "criu/task/ids.h"

namespace criu::net {

namespace {

constexpr unsigned kMiscMajor = 10, kTunMinor = 200;  // linux/miscdevice.h
constexpr uint16_t kNoLink = 0xfffe;                  // ARPHRD_NONE, linux/if_arp.h

class TunKind : public files::FileKind {
 public:
  FdTypes type() const override { return FD_TYPES__TUNF; }
  bool recognises(const files::OpenFile& f) const override {
    return S_ISCHR(f.st.st_mode) && f.st.st_rdev == makedev(kMiscMajor, kTunMinor) &&
           (f.flags & O_PATH) == 0;
  }

  void dump(files::DumpContext& context, const files::OpenFile& f, FileEntry* entry) override {
    if (f.link != "/dev/net/tun")
      fail("{}: a TUN/TAP device by another path than /dev/net/tun is not supported yet", f.who());
    check_tun_namespace(f.own.get(), f.who());
    auto* e = context.arena.make<TunfileEntry>();
    e->id = entry->id;
    CRIU_SET_OPTIONAL(e, ns_id, kOwnNetNamespace);
    CRIU_SET_OPTIONAL(e, flags, static_cast<uint32_t>(f.flags));
    e->fown = f.fown;
    entry->tunf = e;
    const TunQueue queue = look_at_tun(f.own.get(), f.who());
    if (queue.device.empty()) return;
    e->netdev = context.arena.text(queue.device);
    CRIU_SET_OPTIONAL(e, detached, queue.is_off);
    note_device(context, f, queue.device);
  }

  void check_dump(files::DumpContext&) override {
    for (const auto& [name, device] : devices_)
      if (device.queues_in_all != device.queues)
        fail(
            "{}: the device {} has {} queues, and the tree {} of them: a device that is shared "
            "with a process outside of the tree is not supported yet",
            device.who, name, device.queues_in_all, device.queues);
  }

  void finish_dump(files::DumpContext& context) override {
    if (devices_.empty()) return;
    std::set<uint32_t> numbers;
    image::Writer img(context.dir, image::Kind::kNetdev, kOwnNetNamespace);
    for (const auto& [name, device] : devices_) {
      img.write(device.entry);
      numbers.insert(device.entry->ifindex);
    }
    img.close();
    RouteSocket socket;
    write_addresses_and_routes(socket, context.dir, kOwnNetNamespace, numbers);
  }

  std::unique_ptr<files::RestoredFile> read(files::RestoreContext& context,
                                            const FileEntry& entry) override {
    if (entry.tunf == nullptr) fail("file {} in files.img is no TUN/TAP device", entry.id);
    return restore_.read(context, *entry.tunf);
  }
  void make_devices(files::RestoreContext& context) override { restore_.make(context); }
  void before_release() override { restore_.make_persistent(); }
  void finish_restore() override { restore_.keep(); }

 private:
  struct Device {
    NetDeviceEntry* entry = nullptr;
    uint32_t queues_in_all = 1, queues = 0;
    std::string who;
  };

  void note_device(files::DumpContext& context, const files::OpenFile& f, const std::string& name) {
    Device& device = devices_[name];
    device.queues++;
    if (device.entry != nullptr) return;
    device.who = f.who();
    auto* tun = context.arena.make<TunLinkEntry>();
    read_tun(f.own.get(), f.who(), *tun);
    if (!links_) {
      RouteSocket socket;
      links_ = read_links(socket);
    }
    const NetLink* link = find_link(*links_, name);
    if (link == nullptr || !link->tun) fail("{}: the device {} has gone", f.who(), name);
    check_link(*link, f.who());
    if (link->tun->has_queues) device.queues_in_all = link->tun->queues;
    device.entry = device_entry(context, *link, tun);
    context.refuse_outside(f.link, "iff:\t" + name, f.who());
  }

  void check_link(const NetLink& link, const std::string& who) const {
    if (link.type != (link.tun->is_tap ? uint16_t{ARPHRD_ETHER} : kNoLink))
      fail("{}: the device {} was given another type ({}, TUNSETLINK): not supported yet", who,
           link.name, link.type);
    if (link.has_xdp)
      fail("{}: the device {} has an XDP program: not supported yet", who, link.name);
    if (link.master != 0) {
      const NetLink* master = find_link(*links_, link.master);
      if (master == nullptr || master->kind != "bridge")
        fail("{}: the device {} is a port of a device that is no bridge ({}): not supported yet",
             who, link.name, master != nullptr ? master->name : std::to_string(link.master));
    }
    for (const NetLink& other : *links_)
      if (other.below == link.index && other.index != link.index)
        fail("{}: the network device {} stands on the device {}: not supported yet", who,
             other.name, link.name);
  }

  static NetDeviceEntry* device_entry(files::DumpContext& context, const NetLink& link,
                                      TunLinkEntry* tun) {
    if (!link.tun->has_packet_info) tun->flags |= IFF_NO_PI;
    if (link.tun->owner) tun->owner = static_cast<int32_t>(*link.tun->owner);
    if (link.tun->group) tun->group = static_cast<int32_t>(*link.tun->group);
    auto* e = context.arena.make<NetDeviceEntry>();
    e->type = ND_TYPE__TUN;
    e->ifindex = link.index;
    e->mtu = link.mtu;
    e->flags = link.flags;
    e->name = context.arena.text(link.name);
    e->tun = tun;
    if (!link.address.empty()) {
      e->has_address = 1;
      e->address = context.arena.bytes(link.address.data(), link.address.size());
    }
    if (link.master != 0) CRIU_SET_OPTIONAL(e, master, link.master);
    CRIU_SET_OPTIONAL(e, tx_queue_len, link.queue_length);
    if (link.gen_mode) CRIU_SET_OPTIONAL(e, addr_gen_mode, *link.gen_mode);
    CRIU_SET_OPTIONAL(e, carrier, link.has_carrier);
    return e;
  }

  std::map<std::string, Device> devices_;
  std::optional<std::vector<NetLink>> links_;
  TunRestore restore_;
};

const files::KindRegistration registration([] { return std::make_unique<TunKind>(); });

}  // namespace

}  // namespace criu::net
