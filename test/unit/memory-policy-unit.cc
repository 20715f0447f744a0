// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/memory-policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

namespace criu::mm {
namespace {

using testing::ElementsAre;

TEST(MemoryPolicy, OfNoneNothingIsStored) {
  image::Arena arena;
  auto* entry = arena.make<ThreadCoreEntry>();
  const std::array<uint64_t, 2> nodes = {7, 7};
  put_policy(arena, {0, nodes}, entry);
  EXPECT_FALSE(entry->has_policy_mode);
  EXPECT_EQ(entry->n_policy_nodes, 0U);
  EXPECT_EQ(policy_bytes(*entry), 0U);
}

TEST(MemoryPolicy, IsStoredWithTheNodesThatThereAre) {
  image::Arena arena;
  auto* entry = arena.make<ThreadCoreEntry>();
  const std::array<uint64_t, 4> nodes = {0, 5, 0, 0};
  put_policy(arena, {3, nodes}, entry);
  EXPECT_EQ(entry->policy_mode, 3U);
  EXPECT_THAT(std::span(entry->policy_nodes, entry->n_policy_nodes), ElementsAre(0, 5));
  EXPECT_GE(policy_bytes(*entry), 2 * sizeof(uint64_t));
}

TEST(MemoryPolicy, OfMoreNodesThanAnyKernelHasIsRefused) {
  image::Arena arena;
  auto* entry = arena.make<ThreadCoreEntry>();
  entry->has_policy_mode = 1;
  entry->policy_mode = 3;
  entry->n_policy_nodes = pie::kMaxNodeWords + 1;
  EXPECT_THROW(policy_bytes(*entry), Error);
}

}  // namespace
}  // namespace criu::mm
