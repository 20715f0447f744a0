// SPDX-License-Identifier: GPL-2.0-only
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "criu/base/error.h"
#include "criu/image/message.h"
#include "criu/mm/restorer-area.h"
#include "criu/pie/restorer-args.h"

namespace criu::mm {

// The NUMA memory policy of a thread (set_mempolicy(2)) or of a mapping (mbind(2)), as
// get_mempolicy(2) tells it. mode: 0 where it has none of its own; nodes: bit n % 64 of word n / 64
// for node n.
struct MemoryPolicy {
  uint32_t mode = 0;
  std::span<const uint64_t> nodes;
};

// Words for a set of all nodes that this machine could have: get_mempolicy(2) wants room for them.
size_t node_set_words();

// An entry of images that has a policy: of a thread or of a mapping. In an image without one it
// means: none of its own.
template <typename Entry>
void put_policy(image::Arena& arena, const MemoryPolicy& policy, Entry* to) {
  if (policy.mode == 0) return;
  CRIU_SET_OPTIONAL(to, policy_mode, policy.mode);
  size_t words = policy.nodes.size();
  while (words != 0 && policy.nodes[words - 1] == 0) words--;
  to->n_policy_nodes = words;
  to->policy_nodes = arena.copy(policy.nodes.first(words));
}

// Bytes that plan_policy() will want. Throws Error for an impossible one.
template <typename Entry>
size_t policy_bytes(const Entry& from) {
  if (!from.has_policy_mode) return 0;
  if (from.n_policy_nodes > pie::kMaxNodeWords)
    fail("a memory policy for {} nodes is impossible", from.n_policy_nodes * 64);
  return sizeof(pie::MemoryPolicy) + from.n_policy_nodes * sizeof(uint64_t);
}

// For the restorer; null: none of its own.
template <typename Entry>
const pie::MemoryPolicy* plan_policy(RestorerArea& area, const Entry& from) {
  if (!from.has_policy_mode) return nullptr;
  auto* nodes = area.make<uint64_t>(from.n_policy_nodes);
  std::copy_n(from.policy_nodes, from.n_policy_nodes, nodes);
  auto* policy = area.make<pie::MemoryPolicy>();
  *policy = {from.policy_mode, static_cast<uint32_t>(from.n_policy_nodes), nodes};
  return policy;
}

}  // namespace criu::mm
