// SPDX-License-Identifier: GPL-2.0-only
#include "criu/net/nftables.h"

#include <arpa/inet.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <sys/socket.h>

#include <algorithm>

#include "criu/base/error.h"
#include "criu/net/socket-options.h"

namespace criu::net {

namespace {

constexpr int kCreate = NLM_F_CREATE, kAppend = NLM_F_CREATE | NLM_F_APPEND;
constexpr size_t kElementsAtOnce = 512;  // a list of them has to be shorter than 64 KiB
constexpr size_t kMessageBytes = 63 << 10;

void put_number(nl_msg* message, int attribute, uint32_t value) {
  nla_put_u32(message, attribute, htonl(value));
}

// What f puts is within the attribute.
template <typename F>
void nest(nl_msg* message, int attribute, const F& f) {
  nlattr* start = nla_nest_start(message, attribute);
  f();
  nla_nest_end(message, start);
}

}  // namespace

void NftConnection::send(const std::vector<uint8_t>& messages, uint32_t last) {
  if (!socket_) {
    std::unique_ptr<nl_sock, void (*)(nl_sock*)> made(nl_socket_alloc(), nl_socket_free);
    if (!made) fail("cannot make a netlink socket");
    if (const int error = nl_connect(made.get(), NETLINK_NETFILTER); error < 0)
      fail("nf_tables: cannot make a netlink socket: {}", nl_geterror(error));
    // Who is refused something is not sent all of it back.
    const int on = 1;
    setsockopt(nl_socket_get_fd(made.get()), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof on);
    socket_ = std::move(made);
  }
  const int fd = nl_socket_get_fd(socket_.get());
  widen_socket(fd);
  if (::send(fd, messages.data(), messages.size(), 0) < 0)
    fail_errno("nf_tables: cannot send {} bytes", messages.size());
  std::vector<uint8_t> answer(2 * kMessageBytes);
  for (;;) {
    const ssize_t got = recv(fd, answer.data(), answer.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) fail_errno("nf_tables: no answer comes");
    int left = static_cast<int>(got);
    for (auto* h = reinterpret_cast<nlmsghdr*>(answer.data()); nlmsg_ok(h, left);
         h = nlmsg_next(h, &left)) {
      if (h->nlmsg_type != NLMSG_ERROR) continue;
      const auto* e = static_cast<const nlmsgerr*>(nlmsg_data(h));
      if (e->error != 0) fail("nf_tables: {}", strerror(-e->error));
      if (h->nlmsg_seq == last) return;
    }
  }
}

NftTransaction::NftTransaction() {
  append_border(NFNL_MSG_BATCH_BEGIN);
}

void NftTransaction::append(const Message& message) {
  const nlmsghdr* h = nlmsg_hdr(message.get());
  const auto* bytes = reinterpret_cast<const uint8_t*>(h);
  messages_.insert(messages_.end(), bytes, bytes + h->nlmsg_len);
  messages_.resize(NLMSG_ALIGN(messages_.size()));
}

void NftTransaction::append_border(int type) {
  Message message(nlmsg_alloc(), nlmsg_free);
  nlmsg_put(message.get(), 0, number_++, type, 0, NLM_F_REQUEST);
  const nfgenmsg which{AF_UNSPEC, NFNETLINK_V0, htons(NFNL_SUBSYS_NFTABLES)};
  nlmsg_append(message.get(), const_cast<nfgenmsg*>(&which), sizeof which, NLMSG_ALIGNTO);
  append(message);
}

// Each is answered, so that the last one's answer tells that there are no more.
NftTransaction::Message NftTransaction::message(int type, int flags) {
  Message message(nlmsg_alloc_size(kMessageBytes), nlmsg_free);
  if (!message) fail("no memory is left for a netlink message");
  nlmsg_put(message.get(), 0, number_++, NFNL_SUBSYS_NFTABLES << 8 | type, 0,
            NLM_F_REQUEST | NLM_F_ACK | flags);
  nfgenmsg which{NFPROTO_INET, NFNETLINK_V0, 0};
  nlmsg_append(message.get(), &which, sizeof which, NLMSG_ALIGNTO);
  return message;
}

void NftTransaction::add_table(const std::string& table) {
  const Message m = message(NFT_MSG_NEWTABLE, kCreate);
  nla_put_string(m.get(), NFTA_TABLE_NAME, table.c_str());
  append(m);
}

void NftTransaction::delete_table(const std::string& table) {
  const Message m = message(NFT_MSG_DELTABLE, 0);
  nla_put_string(m.get(), NFTA_TABLE_NAME, table.c_str());
  append(m);
}

void NftTransaction::add_chain(const std::string& table, const std::string& chain, uint32_t hook) {
  const Message m = message(NFT_MSG_NEWCHAIN, kCreate);
  nla_put_string(m.get(), NFTA_CHAIN_TABLE, table.c_str());
  nla_put_string(m.get(), NFTA_CHAIN_NAME, chain.c_str());
  nest(m.get(), NFTA_CHAIN_HOOK, [&] {
    put_number(m.get(), NFTA_HOOK_HOOKNUM, hook);
    put_number(m.get(), NFTA_HOOK_PRIORITY, 0);
  });
  nla_put_string(m.get(), NFTA_CHAIN_TYPE, "filter");
  append(m);
}

// nft(8) packs the types of a concatenation into one number, six bits each.
void NftTransaction::add_set(const std::string& table, const std::string& set, uint32_t id,
                             const SetType& type) {
  constexpr uint32_t kTypeBits = 6;
  uint32_t types = 0;
  for (const uint32_t t : type.types) types = types << kTypeBits | t;
  const Message m = message(NFT_MSG_NEWSET, kCreate);
  nla_put_string(m.get(), NFTA_SET_TABLE, table.c_str());
  nla_put_string(m.get(), NFTA_SET_NAME, set.c_str());
  put_number(m.get(), NFTA_SET_ID, id);
  put_number(m.get(), NFTA_SET_KEY_TYPE, types);
  put_number(m.get(), NFTA_SET_KEY_LEN, type.bytes);
  append(m);
}

void NftTransaction::add_elements(const std::string& table, const std::string& set,
                                  const std::vector<uint8_t>& elements, size_t element_bytes) {
  const size_t step = kElementsAtOnce * element_bytes;
  for (size_t from = 0; from < elements.size(); from += step) {
    const size_t to = std::min(elements.size(), from + step);
    const Message m = message(NFT_MSG_NEWSETELEM, kCreate);
    nla_put_string(m.get(), NFTA_SET_ELEM_LIST_TABLE, table.c_str());
    nla_put_string(m.get(), NFTA_SET_ELEM_LIST_SET, set.c_str());
    nest(m.get(), NFTA_SET_ELEM_LIST_ELEMENTS, [&] {
      for (size_t at = from; at < to; at += element_bytes)
        nest(m.get(), NFTA_LIST_ELEM, [&] {
          nest(m.get(), NFTA_SET_ELEM_KEY, [&] {
            nla_put(m.get(), NFTA_DATA_VALUE, static_cast<int>(element_bytes), &elements[at]);
          });
        });
    });
    append(m);
  }
}

void NftTransaction::add_rule(const std::string& table, const std::string& chain,
                              const std::function<void(NftRule&)>& build) {
  const Message m = message(NFT_MSG_NEWRULE, kAppend);
  nla_put_string(m.get(), NFTA_RULE_TABLE, table.c_str());
  nla_put_string(m.get(), NFTA_RULE_CHAIN, chain.c_str());
  nest(m.get(), NFTA_RULE_EXPRESSIONS, [&] {
    NftRule rule(m.get());
    build(rule);
  });
  append(m);
}

void NftTransaction::commit(NftConnection& connection) {
  const uint32_t last = number_ - 1;
  append_border(NFNL_MSG_BATCH_END);
  connection.send(messages_, last);
}

void NftRule::expression(const char* name, const std::function<void()>& attributes) {
  nest(message_, NFTA_LIST_ELEM, [&] {
    nla_put_string(message_, NFTA_EXPR_NAME, name);
    nest(message_, NFTA_EXPR_DATA, attributes);
  });
}

void NftRule::number(int attribute, uint32_t value) {
  put_number(message_, attribute, value);
}

void NftRule::meta(uint32_t key) {
  expression("meta", [&] {
    number(NFTA_META_KEY, key);
    number(NFTA_META_DREG, NFT_REG32_00);
  });
}

void NftRule::compare(uint32_t how, const void* value, int size) {
  expression("cmp", [&] {
    number(NFTA_CMP_SREG, NFT_REG32_00);
    number(NFTA_CMP_OP, how);
    nest(message_, NFTA_CMP_DATA, [&] { nla_put(message_, NFTA_DATA_VALUE, size, value); });
  });
}

void NftRule::match_mark_not(uint32_t mark) {
  meta(NFT_META_MARK);
  compare(NFT_CMP_NEQ, &mark, sizeof mark);
}

void NftRule::match_family(uint8_t family) {
  meta(NFT_META_NFPROTO);
  compare(NFT_CMP_EQ, &family, sizeof family);
}

void NftRule::match_protocol(uint8_t protocol) {
  meta(NFT_META_L4PROTO);
  compare(NFT_CMP_EQ, &protocol, sizeof protocol);
}

void NftRule::load(uint32_t to, uint32_t base, uint32_t offset, uint32_t bytes) {
  expression("payload", [&] {
    number(NFTA_PAYLOAD_DREG, NFT_REG32_00 + to);
    number(NFTA_PAYLOAD_BASE, base);
    number(NFTA_PAYLOAD_OFFSET, offset);
    number(NFTA_PAYLOAD_LEN, bytes);
  });
}

void NftRule::match_set(const std::string& set, uint32_t id) {
  expression("lookup", [&] {
    nla_put_string(message_, NFTA_LOOKUP_SET, set.c_str());
    number(NFTA_LOOKUP_SREG, NFT_REG32_00);
    number(NFTA_LOOKUP_SET_ID, id);
  });
}

void NftRule::drop() {
  expression("immediate", [&] {
    number(NFTA_IMMEDIATE_DREG, NFT_REG_VERDICT);
    nest(message_, NFTA_IMMEDIATE_DATA,
         [&] { nest(message_, NFTA_DATA_VERDICT, [&] { number(NFTA_VERDICT_CODE, NF_DROP); }); });
  });
}

}  // namespace criu::net
