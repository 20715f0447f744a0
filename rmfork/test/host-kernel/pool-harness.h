// SPDX-License-Identifier: GPL-2.0-only
//
// A pool in ordinary memory, and what is asked of its accounts.
#ifndef RMFORK_TEST_HOST_KERNEL_POOL_HARNESS_H
#define RMFORK_TEST_HOST_KERNEL_POOL_HARNESS_H

#include "rmfork/test/host-kernel/module-harness.h"

struct Pool : testing::Test {
  static constexpr u64 kPages = 4096, kFree = kPages - RMFORK_SUPERS - 1;
  std::unique_ptr<ubmem> pool = std::make_unique<ubmem>();
  ubmem& ub = *pool;

  void SetUp() override {
    host_module_pins = 0;
    ub.backing = &kBacking;
    ub.nr_pages = kPages;
    ASSERT_EQ(rmfork_open(&ub, 0), 0);
  }
  void TearDown() override { rmfork_close(&ub); }

  u64 data_page() {
    u64 nr, got;
    EXPECT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, 1, &nr, &got), 0);
    EXPECT_EQ(got, 1u);
    return nr;
  }
  page& contents(u64 nr) { return (*backing_pages)[nr]; }

  u64 count(ubmem_kind kind) const {
    u64 n = 0;
    for (u64 nr = 0; nr < kPages; nr++) n += ubmem_kind_of(&ub, nr) == kind;
    return n;
  }

  // Every page is somebody's, and the counters agree.
  void check_accounts() {
    EXPECT_EQ(ub.free_pages, count(UBMEM_FREE));
    EXPECT_EQ(ub.pending_pages, count(UBMEM_PENDING));
    EXPECT_EQ(count(UBMEM_SYSTEM), RMFORK_SUPERS + 1u);  // superblocks and directory
    for (u64 nr = 0; nr < kPages; nr++) {
      const ubmem_kind kind = ubmem_kind_of(&ub, nr);
      const bool used = kind != UBMEM_FREE && kind != UBMEM_PENDING;
      EXPECT_EQ(ubmem_users(&ub, nr) != 0, used) << nr;
    }
    EXPECT_EQ(host_module_pins, ub.pending_pages ? 1 : 0);
  }
};

#endif  // RMFORK_TEST_HOST_KERNEL_POOL_HARNESS_H
