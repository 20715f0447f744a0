// SPDX-License-Identifier: GPL-2.0-only
//
// An owner whose pool was taken over by another machine while it was away.
#include <string>

#include "rmfork/test/host-kernel/module-harness.h"

namespace {

// A machine that takes the pool over while its owner is only away.
std::unique_ptr<ubmem> take_over() {
  auto other = std::make_unique<ubmem>();
  other->backing = &kOtherBacking;
  other->nr_pages = Kept::kPages;
  EXPECT_EQ(rmfork_open(other.get(), UBMEM_TAKE), 0) << host_said;
  return other;
}

struct Owner : Kept {
  std::vector<page> before;
  void note() { before = *backing_pages; }
  void nothing_has_changed() {
    for (u64 nr = 0; nr < kPages; nr++)
      EXPECT_EQ(std::memcmp(before[nr].data, (*backing_pages)[nr].data, PAGE_SIZE), 0) << nr;
  }
};

TEST_F(Owner, ThatWasTakenOverWritesNothing) {
  const u64 off = save(20);
  rmfork_session session;
  open(session);
  save(20, &session);
  rmfork_snapshot* begun = rmfork_snapshot_begin(pool.get(), 1);
  ASSERT_FALSE(IS_ERR(begun));
  auto other = take_over();
  note();
  ASSERT_EQ(PTR_ERR(rmfork_snapshot_begin(pool.get(), 1)), -ESTALE);
  u64 nr = 0, got = 0;
  EXPECT_EQ(ubmem_alloc_run(pool.get(), UBMEM_DATA, 1, &nr, &got), -ESTALE);
  EXPECT_EQ(ubmem_alloc_huge(pool.get(), &nr), -ESTALE);
  ASSERT_EQ(rmfork_snapshot_publish(begun, nullptr), -ESTALE);
  rmfork_snapshot_put(begun);
  EXPECT_EQ(rmfork_commit_owned(&session), -ESTALE);
  rmfork_free_owned(&session);
  EXPECT_EQ(rmfork_free(pool.get(), off, 0), -ESTALE);
  EXPECT_EQ(rmfork_snapshot_check(find(off)), -ESTALE);
  const u8 uuid[RMFORK_UUID_BYTES] = {};
  EXPECT_EQ(ubmem_guest_forget(pool.get(), uuid), -ESTALE);
  nothing_has_changed();
  // Also when the other one has gone.
  rmfork_close(other.get());
  note();
  EXPECT_EQ(rmfork_free(pool.get(), off, 0), -ESTALE);
  EXPECT_EQ(PTR_ERR(rmfork_snapshot_begin(pool.get(), 1)), -ESTALE);
  // What it leaves at its end is what the other one has left.
  auto* const pages = backing_pages;
  unload();
  ASSERT_EQ(kept_pages, pages);
  backing_pages = pages;
  nothing_has_changed();
  backing_pages = nullptr;
}

// The other one comes when the first has seen that nobody has the pool.
TEST_F(Owner, OfTwoThatComeAtOnceOneIsRefused) {
  for (bool format : {false, true}) {
    save(20);
    unload();
    auto other = std::make_unique<ubmem>();
    other->backing = &kOtherBacking;
    other->nr_pages = kPages;
    read_page = 0;
    before_read = [&] { EXPECT_EQ(rmfork_open(other.get(), 0), 0) << host_said; };
    ASSERT_EQ(load(format), -EBUSY);
    EXPECT_NE(std::string(host_said).find("has just taken"), std::string::npos) << host_said;
    // Nothing of what it has was touched.
    backing_pages = std::exchange(kept_pages, nullptr);
    EXPECT_FALSE(ubmem_lost(other.get()));
    const rmfork_kargs whole = {RMFORK_OP_VERIFY, 0, 0, 0, 0, 0};
    EXPECT_EQ(rmfork_verify(other.get(), &whole), 0);
    EXPECT_EQ(other->snapshots->nr, format ? 2u : 1u);
    rmfork_close(other.get());
    kept_pages = std::exchange(backing_pages, nullptr);
    ASSERT_EQ(load(), 0);
  }
}

TEST_F(Owner, FollowsOneThatHasGone) {
  const u64 off = save(20);
  unload();
  ASSERT_EQ(load(), 0);
  EXPECT_TRUE(sound(off));
  save(5);
  EXPECT_EQ(rmfork_free(pool.get(), off, 0), 0);
}

}  // namespace
