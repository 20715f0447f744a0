// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/network-lock.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>

#include <array>
#include <cstddef>

#include "criu/base/error.h"
#include "criu/base/log.h"
#include "criu/net/inet-address.h"
#include "criu/net/iptables.h"

namespace criu::net {

namespace {

std::string text_of(const std::vector<uint32_t>& address) {
  char text[INET6_ADDRSTRLEN] = {};
  inet_ntop(address.size() == 1 ? AF_INET : AF_INET6, address.data(), text, sizeof text);
  return text;
}

std::string table_of(pid_t root) {
  return fmt::format("CRIU-{}", root);
}

// Also where there is none.
void remove_table(NftTransaction& t, const std::string& table) {
  t.add_table(table);
  t.delete_table(table);
}

// What differs between the two: types of nft(8), and where headers have their addresses.
struct Family {
  uint8_t number;
  const char* set;
  uint32_t set_id;
  uint32_t type;  // ipv4_addr, ipv6_addr
  uint32_t words, source, destination;
};
constexpr std::array kFamilies = {
    Family{NFPROTO_IPV4, "v4", 1, 7, 1, offsetof(iphdr, saddr), offsetof(iphdr, daddr)},
    Family{NFPROTO_IPV6, "v6", 2, 8, 4, offsetof(ip6_hdr, ip6_src), offsetof(ip6_hdr, ip6_dst)},
};
constexpr uint32_t kInetService = 13;  // a port, as nft(8) numbers types
constexpr uint32_t kPortBytes = sizeof(uint16_t);

constexpr uint32_t element_bytes(const Family& f) {
  return 2 * (f.words + 1) * sizeof(uint32_t);
}

// A peer's address and port, and the own ones.
std::vector<uint8_t> elements(const Family& f, const std::vector<Connection>& connections) {
  std::vector<uint8_t> all;
  const auto append = [&](const std::vector<uint32_t>& address, uint16_t port) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(address.data());
    all.insert(all.end(), bytes, bytes + address.size() * sizeof(uint32_t));
    all.insert(all.end(),
               {static_cast<uint8_t>(port >> 8), static_cast<uint8_t>(port & 0xff), 0, 0});
  };
  for (const Connection& c : connections) {
    if (c.own.size() != f.words) continue;
    append(c.peer, c.peer_port);
    append(c.own, c.own_port);
  }
  return all;
}

// One look-up for all connections of a family.
void add_rule(NftTransaction& t, const std::string& table, const Family& f, bool is_input) {
  t.add_rule(table, is_input ? "input" : "output", [&](NftRule& rule) {
    rule.match_mark_not(kPassingMark);
    rule.match_family(f.number);
    rule.match_protocol(IPPROTO_TCP);
    uint32_t to = 0;
    for (const bool source : {is_input, !is_input}) {
      rule.load(to, NFT_PAYLOAD_NETWORK_HEADER, source ? f.source : f.destination,
                f.words * static_cast<uint32_t>(sizeof(uint32_t)));
      rule.load(to + f.words, NFT_PAYLOAD_TRANSPORT_HEADER, source ? 0 : kPortBytes, kPortBytes);
      to += f.words + 1;
    }
    rule.match_set(f.set, f.set_id);
    rule.drop();
  });
}

void lock_by_nftables(NftConnection& nftables, const std::string& table,
                      const std::vector<Connection>& connections) {
  NftTransaction t;
  remove_table(t, table);
  t.add_table(table);
  t.add_chain(table, "input", NF_INET_LOCAL_IN);
  t.add_chain(table, "output", NF_INET_LOCAL_OUT);
  for (const Family& f : kFamilies) {
    t.add_set(table, f.set, f.set_id,
              {{f.type, kInetService, f.type, kInetService}, element_bytes(f)});
    t.add_elements(table, f.set, elements(f, connections), element_bytes(f));
    for (const bool is_input : {true, false}) add_rule(t, table, f, is_input);
  }
  t.commit(nftables);
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

NetworkLock NetworkLock::of_images(const image::Directory& dir) {
  image::Arena arena;
  const auto* inventory =
      image::read_single<InventoryEntry>(dir, image::Kind::kInventory, 0, arena);
  image::Reader tree(dir, image::Kind::kPstree);
  const auto* root = tree.must_next<PstreeEntry>(arena);
  const auto method = inventory->has_network_lock_method
                          ? static_cast<NetworkLockMethod>(inventory->network_lock_method)
                          : NetworkLockMethod::kIptables;
  return NetworkLock(method, static_cast<pid_t>(root->pid));
}

void NetworkLock::lock(const std::vector<Connection>& connections) {
  try {
    if (method_ == NetworkLockMethod::kNftables)
      lock_by_nftables(nftables_, table_of(root_), connections);
    else if (method_ == NetworkLockMethod::kIptables)
      switch_iptables("-I", connections);
  } catch (const Error& e) {
    fail("cannot lock the connections ({}): see --network-lock", e.what());
  }
}

void NetworkLock::unlock(const std::vector<Connection>& connections) noexcept {
  try {
    if (method_ == NetworkLockMethod::kNftables) {
      NftTransaction t;
      remove_table(t, table_of(root_));
      t.commit(nftables_);
    } else if (method_ == NetworkLockMethod::kIptables)
      switch_iptables("-D", connections);
  } catch (const std::exception& e) {
    log::warn("cannot unlock the connections of task {}: {}", root_, e.what());
  }
}

}  // namespace criu::net
