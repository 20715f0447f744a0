// SPDX-License-Identifier: GPL-2.0-only
//
// Two machines with one pool: its owner, and a guest.
#ifndef RMFORK_TEST_HOST_KERNEL_GUEST_HARNESS_H
#define RMFORK_TEST_HOST_KERNEL_GUEST_HARNESS_H

#include "rmfork/test/host-kernel/module-harness.h"

struct Guests : Kept {
  std::unique_ptr<ubmem> guest;

  void SetUp() override {
    Kept::SetUp();
    guest = attach();
    ASSERT_TRUE(guest) << host_said;
  }
  void TearDown() override {
    leave(guest);
    Kept::TearDown();
  }

  // Null if it was refused.
  static std::unique_ptr<ubmem> attach(int expected = 0) {
    auto ub = std::make_unique<ubmem>();
    ub->backing = &kOtherBacking;
    ub->nr_pages = kPages;
    const int ret = rmfork_open(ub.get(), UBMEM_ATTACH);
    EXPECT_EQ(ret, expected) << host_said;
    if (ret != 0) ub.reset();
    return ub;
  }
  static void leave(std::unique_ptr<ubmem>& ub) {
    if (ub) rmfork_close(ub.get());
    ub.reset();
  }

  // The guest looks into a snapshot; 0, with a reference until drop(), or the error.
  long look(u64 off) {
    rmfork_snapshot* s = rmfork_guest_get(guest.get(), off);
    if (IS_ERR(s)) return PTR_ERR(s);
    looked_into.push_back(s);
    return 0;
  }
  void drop() {
    for (rmfork_snapshot* s : looked_into) rmfork_snapshot_put(s);
    looked_into.clear();
    rmfork_guest_tidy(guest.get());
  }
  std::vector<rmfork_snapshot*> looked_into;

  // Of the page `which` of a snapshot; 2: a task maps it.
  int& count_of(const rmfork_snapshot* s, u64 which) {
    return (*backing_pages)[s->index.ranges[which].data_off >> PAGE_SHIFT].count;
  }
  rmfork_guest_block& block(u32 slot) {
    return *reinterpret_cast<rmfork_guest_block*>((*backing_pages)[pool->guests + slot].data);
  }
  u64 pins() {
    rmfork_guest said = {};
    return ubmem_guest_next(pool.get(), 0, &said) != 0 ? said.pins : 0;
  }
};

#endif  // RMFORK_TEST_HOST_KERNEL_GUEST_HARNESS_H
