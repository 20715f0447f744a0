// SPDX-License-Identifier: GPL-2.0-only
//
// The first process of the test VM. It starts in the initramfs, makes the disks the root file
// system, runs the one command the host has named, reports its output and status, and ends.
// Linked statically, so that it runs before any of the guest's libraries can be reached.
#include <fcntl.h>
#include <sched.h>
#include <sys/reboot.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <string>
#include <vector>

#include "command.h"
#include "config.h"
#include "setup.h"

namespace {

using vm::Channel;
using vm::Command;
using vm::Config;

constexpr unsigned kHostReadsWithinSeconds = 60;
constexpr int kNoDeadline = -1;

// Files from the host: a tar archive written straight to a disk.
void take_files(vm::DeviceWatch& devices, const Channel& channel) {
  const Command untar({"tar", "-xf", devices.disk("put"), "-C", "/"}, "/");
  if (untar.run(channel, kNoDeadline).status != 0)
    throw std::runtime_error("cannot unpack the files of --put");
}

// Files for the host, the same way. What is missing is told, not fatal: a command that failed
// has often not written its results.
void give_files(vm::DeviceWatch& devices, const Channel& channel,
                const std::vector<std::string>& paths) {
  std::vector<std::string> argv = {"tar", "-C", "/", "-cf", devices.disk("get"), "--"};
  for (const auto& path : paths) {
    if (access(path.c_str(), F_OK) == 0)
      argv.push_back(path.substr(path.find_first_not_of('/')));
    else
      channel.send(Channel::kWarning, "--get: the guest has no " + path);
  }
  // With no name left tar refuses to make an archive; an unwritten disk reads as an empty one.
  if (argv.back() != "--" && Command(argv, "/").run(channel, kNoDeadline).status != 0)
    channel.send(Channel::kFailure, "cannot pack the files of --get");
}

void load_extra_module(const Config& config) {
  const std::string module = config.value("insmod");
  if (!module.empty())
    vm::load_module(config.value("project") + "/" + module, config.value("insmod-args"));
}

// Netfilter hooks of a network namespace that nobody is in, as long as this lives. The kernel turns
// its calls of hooks on and off by patching its code, with the first and the last hook there is
// anywhere; an emulated processor that was in the middle of it may go on to run what has been
// patched away, and hang. With hooks from the beginning to the end nothing is patched.
class HeldHooks {
 public:
  explicit HeldHooks(const Channel& channel) {
    if (access("/proc/net/netfilter", F_OK) != 0) return;  // a kernel without
    const int own = open_namespace();
    if (unshare(CLONE_NEWNET) != 0) vm::fail("unshare the network namespace");
    const int status = std::system(
        "nft 'table inet held { "
        "chain input { type filter hook input priority 0; }; "
        "chain output { type filter hook output priority 0; }; }' >/dev/null 2>&1");
    if (status != 0) channel.send(Channel::kWarning, "this guest has no nftables");
    held_ = open_namespace();
    if (setns(own, CLONE_NEWNET) != 0) vm::fail("return to the network namespace");
    close(own);
  }
  ~HeldHooks() {
    if (held_ >= 0) close(held_);
  }
  HeldHooks(const HeldHooks&) = delete;
  HeldHooks& operator=(const HeldHooks&) = delete;

 private:
  static int open_namespace() {
    const int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
    if (fd < 0) vm::fail("open the network namespace");
    return fd;
  }

  int held_ = -1;
};

void work(vm::DeviceWatch& devices, const Config& config, const Channel& channel) {
  vm::enter_root(devices, config);
  vm::set_up_system(config);
  if (!config.value("put").empty()) take_files(devices, channel);
  load_extra_module(config);
  const HeldHooks hooks(channel);

  const std::string timeout = config.value("timeout-ms");
  const Command command(config.values("arg"), config.value("project"));
  channel.send(Channel::kStarted, "");
  const auto outcome = command.run(channel, timeout.empty() ? kNoDeadline : std::stoi(timeout));
  channel.send(Channel::kExit, std::to_string(outcome.status));

  vm::end_all_processes();
  const auto wanted = config.values("get");
  if (!wanted.empty()) give_files(devices, channel, wanted);
}

// Everything that can go wrong before there is a channel ends in the kernel's log.
void run() {
  vm::mount_early();
  const Config config = Config::load("/vm.conf");
  vm::DeviceWatch devices;
  for (const auto& module : config.values("load")) vm::load_module(module, "");
  const Channel channel(devices.port("vm"));
  try {
    work(devices, config, channel);
  } catch (const std::exception& error) {
    channel.send(Channel::kFailure, error.what());
  }
  sync();
  channel.send(Channel::kDone, "");
  // The host switches the machine off when it has read that. Who did so here would take from it
  // what the machine has sent and not yet got rid of.
  sleep(kHostReadsWithinSeconds);
}

}  // namespace

int main() {
  try {
    run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vm init: %s\n", error.what());
  }
  sync();
  reboot(RB_POWER_OFF);
  return 1;
}
