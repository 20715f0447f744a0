// SPDX-License-Identifier: GPL-2.0-only
//
// Brings the guest from the initramfs to a usable system. Every function throws
// std::runtime_error with the reason where it fails.
#pragma once

#include <string>

#include "config.h"

namespace vm {

// "what: strerror(errno)" as an exception.
[[noreturn]] void fail(const std::string& what);

// Waits for kernel objects to appear, on the kernel's own uevents (netlink(7),
// NETLINK_KOBJECT_UEVENT).
class DeviceWatch {
 public:
  // Open it before the drivers are loaded, so that no event is missed.
  DeviceWatch();
  ~DeviceWatch();
  DeviceWatch(const DeviceWatch&) = delete;
  DeviceWatch& operator=(const DeviceWatch&) = delete;

  // Path of the disk whose virtio serial number is `serial`, for instance /dev/vdb.
  std::string disk(const std::string& serial);
  // Path of the virtio-serial port of that name, for instance /dev/vport0p1.
  std::string port(const std::string& name);

 private:
  std::string wait_for(const std::string& sys_class, const std::string& attribute,
                       const std::string& value);

  int fd_;
};

// /proc, /sys and /dev of the initramfs.
void mount_early();
// finit_module(2); `args` as for insmod(8).
void load_module(const std::string& path, const std::string& args);
// Mounts the root disk, the project tree and (if there are any) the modules, and makes them the
// root.
void enter_root(DeviceWatch& devices, const Config& config);
// What a running system has: pseudo file systems, the loopback interface, limits, the environment.
void set_up_system(const Config& config);

}  // namespace vm
