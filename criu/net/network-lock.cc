// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/network-lock.h"

#include <arpa/inet.h>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/base/run-id.h"
#include "criu/net/inet-address.h"
#include "criu/net/iptables.h"

namespace criu::net {

namespace {

std::string text_of(const std::vector<uint32_t>& address) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(address.size() == 1 ? AF_INET : AF_INET6, address.data(), text, sizeof text);
  return text;
}

// Also where there is none.
std::string removal(const std::string& table) {
  return fmt::format("add table {0}\ndelete table {0}\n", table);
}

// One look-up for all connections of a family, each way.
std::string family_rules(const std::string& table, const char* set, const char* type,
                         const char* ip) {
  std::string text = fmt::format(
      "add set {} {} {{ type {} . inet_service . {} . inet_service; }}\n", table, set, type, type);
  text += fmt::format(
      "add rule {} input meta mark != {} {} saddr . tcp sport . {} daddr . tcp dport @{} drop\n",
      table, kPassingMark, ip, ip, set);
  text += fmt::format(
      "add rule {} output meta mark != {} {} daddr . tcp dport . {} saddr . tcp sport @{} drop\n",
      table, kPassingMark, ip, ip, set);
  return text;
}

std::string elements(const std::string& table, const char* set,
                     const std::vector<Connection>& connections, size_t words) {
  std::string all;
  for (const Connection& c : connections)
    if (c.own.size() == words)
      all += fmt::format("{}{} . {} . {} . {}", all.empty() ? "" : ", ", text_of(c.peer),
                         c.peer_port, text_of(c.own), c.own_port);
  return all.empty() ? "" : fmt::format("add element {} {} {{ {} }}\n", table, set, all);
}

std::string locking(const std::string& table, const std::vector<Connection>& connections) {
  std::string text = fmt::format("create table {}\n", table);
  for (const char* chain : {"input", "output"})
    text +=
        fmt::format("add chain {} {} {{ type filter hook {} priority 0; }}\n", table, chain, chain);
  text += family_rules(table, "v4", "ipv4_addr", "ip");
  text += family_rules(table, "v6", "ipv6_addr", "ip6");
  return text + elements(table, "v4", connections, 1) + elements(table, "v6", connections, 4);
}

// Two rules for each connection, which other tools make as well, and take away.
void switch_iptables(const char* what, const std::vector<Connection>& connections) {
  for (const size_t words : {1U, 4U}) {
    std::string text;
    const auto add = [&](const char* chain, const std::vector<uint32_t>& from, uint16_t from_port,
                         const std::vector<uint32_t>& to, uint16_t to_port) {
      text += fmt::format(
          "{} {} -p tcp -m mark ! --mark {:#x} -s {} --sport {} -d {} --dport {} -j DROP\n", what,
          chain, kPassingMark, text_of(from), from_port, text_of(to), to_port);
    };
    for (const Connection& c : connections) {
      if (c.own.size() != words) continue;
      add("INPUT", c.peer, c.peer_port, c.own, c.own_port);
      add("OUTPUT", c.own, c.own_port, c.peer, c.peer_port);
    }
    if (!text.empty())
      run_iptables(words == 1 ? "iptables-restore" : "ip6tables-restore",
                   "*filter\n" + text + "COMMIT\n");
  }
}

}  // namespace

Connection connection_of(const InetSkEntry& e) {
  return {plain_words(e.src_addr, e.n_src_addr), plain_words(e.dst_addr, e.n_dst_addr),
          static_cast<uint16_t>(e.src_port), static_cast<uint16_t>(e.dst_port)};
}

NetworkLock::NetworkLock(NetworkLockMethod method, const std::string& id)
    : method_(method), table_("inet CRIU-" + id) {}

NetworkLock::NetworkLock(NetworkLockMethod method, pid_t root,
                         const std::function<const std::string&()>& run_id)
    : NetworkLock(method, std::to_string(root)) {
  if (method_ == NetworkLockMethod::kNftables && nftables_.has_table(table_))
    table_ = "inet CRIU-" + run_id();
}

NetworkLock NetworkLock::of_images(const image::Directory& dir) {
  image::Arena arena;
  const auto* inventory =
      image::read_single<InventoryEntry>(dir, image::Kind::kInventory, 0, arena);
  image::Reader tree(dir, image::Kind::kPstree);
  const auto* root = tree.must_next<PstreeEntry>(arena);
  const auto method = inventory->has_network_lock_method
                          ? static_cast<NetworkLockMethod>(inventory->network_lock_method)
                          : NetworkLockMethod::kIptables;
  if (inventory->dump_criu_run_id == nullptr) return NetworkLock(method, std::to_string(root->pid));
  const std::string id = inventory->dump_criu_run_id;
  if (!is_run_id(id)) fail("inventory.img: the id of the dump is not one: {}", id);
  return NetworkLock(method, id);
}

void NetworkLock::lock(const std::vector<Connection>& connections) {
  try {
    if (method_ == NetworkLockMethod::kNftables) {
      nftables_.run(locking(table_, connections));
      log::info("Connections are locked by table {}", table_);
    } else if (method_ == NetworkLockMethod::kIptables) {
      switch_iptables("-I", connections);
    }
  } catch (const Error& e) {
    fail("cannot lock the connections ({}): see --network-lock", e.what());
  }
}

void NetworkLock::unlock(const std::vector<Connection>& connections) noexcept {
  try {
    if (method_ == NetworkLockMethod::kNftables)
      nftables_.run(removal(table_));
    else if (method_ == NetworkLockMethod::kIptables)
      switch_iptables("-D", connections);
  } catch (const std::exception& e) {
    log::warn("cannot unlock the connections ({}): {}", table_, e.what());
  }
}

}  // namespace criu::net
