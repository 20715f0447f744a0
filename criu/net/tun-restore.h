// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "criu/base/fd.h"
#include "criu/files/file-kind.h"
#include "criu/net/link-routes.h"
#include "criu/net/net-link.h"

namespace criu::net {

// The restore of descriptors of /dev/net/tun, and of the devices that they drive.
class TunRestore {
 public:
  ~TunRestore();
  // Throws Error where the device cannot be made; changes nothing.
  std::unique_ptr<files::RestoredFile> read(files::RestoreContext& context,
                                            const TunfileEntry& entry);
  // All devices with all their queues. They go away with the descriptors;
  void make(files::RestoreContext& context);
  // but those that are persistent, from here on, unless this object ends before keep().
  void make_persistent();
  void keep();

 private:
  struct Queue {
    const TunfileEntry* entry;
    UniqueFd fd;
  };
  struct Device {
    NetDeviceEntry* entry = nullptr;
    uint32_t ns_id = 0;
    bool is_new = false;
    uint32_t index = 0;  // that it is to have; 0: any
    std::list<Queue> queues;
    UniqueFd control;  // one of them, of a device that is to be persistent
  };
  NetDeviceEntry* find(files::RestoreContext& context, uint32_t ns_id, const std::string& name);
  void plan(Device& device);
  void make(files::RestoreContext& context, Device& device);
  void configure(const Device& device);

  std::map<std::string, Device> devices_;
  std::map<uint32_t, std::vector<NetDeviceEntry*>> images_;  // by namespace
  std::map<uint32_t, LinkRoutes> routes_;
  std::optional<std::vector<NetLink>> links_;  // before any was made
  bool persistent_ = false;
};

}  // namespace criu::net
