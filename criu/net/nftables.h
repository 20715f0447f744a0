// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

// Of libnl, whose headers cannot be had beside linux/tcp.h.
struct nl_msg;
struct nl_sock;

namespace criu::net {

// A transaction of nf_tables, linux/netfilter/nf_tables.h, in tables of the family inet:
//
//   NftTransaction t;
//   t.add_table("CRIU-17");
//   t.add_chain("CRIU-17", "input", NF_INET_LOCAL_IN);
//   t.add_rule("CRIU-17", "input", [](NftRule& rule) { rule.match_mark_not(1); rule.drop(); });
//   t.commit(connection);
//
// A few thousand elements of a set go in as binary, and not as a text that somebody has to read.
class NftRule;

// The kernel takes away in the background what a transaction has deleted, and whoever closes a
// connection to it before waits for that: keep it for as long as there is something else to do.
class NftConnection {
 public:
  // Sends the messages at once, the last of them numbered `last`. Throws Error with what the kernel
  // says of one.
  void send(const std::vector<uint8_t>& messages, uint32_t last);

 private:
  std::unique_ptr<nl_sock, void (*)(nl_sock*)> socket_{nullptr, nullptr};
};

class NftTransaction {
 public:
  NftTransaction();

  // One that is there already stays.
  void add_table(const std::string& table);
  // Throws on commit where there is none.
  void delete_table(const std::string& table);
  // hook: NF_INET_*. At priority 0.
  void add_chain(const std::string& table, const std::string& chain, uint32_t hook);
  // What a set's elements are, one after the other, for those who list it: types as nft(8) numbers
  // them, and the bytes of all, each padded to words of four.
  struct SetType {
    std::vector<uint32_t> types;
    uint32_t bytes;
  };
  void add_set(const std::string& table, const std::string& set, uint32_t id, const SetType& type);
  // elements: one after the other.
  void add_elements(const std::string& table, const std::string& set,
                    const std::vector<uint8_t>& elements, size_t element_bytes);
  void add_rule(const std::string& table, const std::string& chain,
                const std::function<void(NftRule&)>& build);

  void commit(NftConnection& connection);

 private:
  using Message = std::unique_ptr<nl_msg, void (*)(nl_msg*)>;
  Message message(int type, int flags);
  void append(const Message& message);
  void append_border(int type);

  std::vector<uint8_t> messages_;
  uint32_t number_ = 0;
};

// The expressions of a rule. Registers are words of four bytes, numbered from 0.
class NftRule {
 public:
  explicit NftRule(nl_msg* message) : message_(message) {}

  void match_mark_not(uint32_t mark);
  // NFPROTO_IPV4 or NFPROTO_IPV6; IPPROTO_TCP.
  void match_family(uint8_t family);
  void match_protocol(uint8_t protocol);
  // Bytes of a header, NFT_PAYLOAD_*_HEADER, from a register on.
  void load(uint32_t to, uint32_t base, uint32_t offset, uint32_t bytes);
  // What has been loaded, from register 0 on, is in the set.
  void match_set(const std::string& set, uint32_t id);
  void drop();

 private:
  void expression(const char* name, const std::function<void()>& attributes);
  void number(int attribute, uint32_t value);
  void meta(uint32_t key);
  void compare(uint32_t how, const void* value, int size);

  nl_msg* message_;
};

}  // namespace criu::net
