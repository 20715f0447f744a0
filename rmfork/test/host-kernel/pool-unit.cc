// SPDX-License-Identifier: GPL-2.0-only
//
// Which page of the pool belongs to whom, and where it came from.
#include <algorithm>
#include <random>

#include "rmfork/test/host-kernel/pool-harness.h"

namespace {

TEST_F(Pool, HasTwoSuperblocks) {
  for (u64 which = 0; which < RMFORK_SUPERS; which++) {
    rmfork_super super;
    ubmem_read(&ub, which << PAGE_SHIFT, &super, sizeof(super));
    EXPECT_EQ(super.magic, RMFORK_SUPER_MAGIC);
    EXPECT_EQ(super.size, kPages << PAGE_SHIFT);
    EXPECT_EQ(super.sequence % RMFORK_SUPERS, which);
    EXPECT_EQ(super.checksum, super_crc(super));
    for (std::size_t at = 0; at < sizeof(super); at++) {
      EXPECT_EQ(ubmem_check_super(&ub), 0);
      contents(which).data[at] ^= 1;
      EXPECT_EQ(ubmem_check_super(&ub), -EBADMSG) << at;
      contents(which).data[at] ^= 1;
    }
  }
}

TEST_F(Pool, GivesEveryPageOnceAndThenRefuses) {
  u64 nr, got, sum = 0;
  std::vector<bool> seen(kPages);
  while (ubmem_alloc_run(&ub, UBMEM_DATA, 100, &nr, &got) == 0) {
    EXPECT_LE(got, 100u);
    for (u64 i = nr; i < nr + got; i++) {
      EXPECT_FALSE(seen[i]);
      seen[i] = true;
    }
    sum += got;
  }
  EXPECT_EQ(sum, kFree);
  EXPECT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, 1, &nr, &got), -ENOSPC);
  check_accounts();
  ubmem_put_run(&ub, kPages - kFree, kFree);
  EXPECT_EQ(ub.free_pages, kFree);
  check_accounts();
}

TEST_F(Pool, HugeRunsAreAlignedAndWhole) {
  u64 nr;
  std::vector<u64> all;
  const u64 in_the_way = data_page();  // behind the superblocks: the first 2 MiB are not whole
  while (ubmem_alloc_huge(&ub, &nr) == 0) {
    EXPECT_EQ(nr % HPAGE_PMD_NR, 0u);
    all.push_back(nr);
  }
  EXPECT_EQ(all.size(), kPages / HPAGE_PMD_NR - 1);
  check_accounts();
  // One page given back does not make room, the rest of its run does.
  ubmem_put_run(&ub, all[2], 1);
  EXPECT_EQ(ubmem_alloc_huge(&ub, &nr), -ENOSPC);
  ubmem_put_run(&ub, all[2] + 1, HPAGE_PMD_NR - 1);
  EXPECT_EQ(ubmem_alloc_huge(&ub, &nr), 0);
  EXPECT_EQ(nr, all[2]);
  for (u64 first : all) ubmem_put_run(&ub, first, HPAGE_PMD_NR);
  ubmem_put_run(&ub, in_the_way, 1);
  EXPECT_EQ(ub.free_pages, kFree);
}

TEST_F(Pool, PagesInUseBecomePendingAndComeBack) {
  u64 a = data_page(), b = data_page();
  contents(a).count = 3;
  contents(b).count = 2;
  ubmem_put_run(&ub, a, 1);
  ubmem_put_run(&ub, b, 1);
  EXPECT_EQ(ub.pending_pages, 2u);
  EXPECT_TRUE(ub.reclaim.scheduled);
  check_accounts();
  contents(b).count = 1;
  ub.reclaim.scheduled = false;
  ub.reclaim.fn(&ub.reclaim.work);
  EXPECT_EQ(ub.pending_pages, 1u);
  EXPECT_TRUE(ub.reclaim.scheduled);
  check_accounts();
  contents(a).count = 1;
  ubmem_reclaim(&ub);
  EXPECT_EQ(ub.free_pages, kFree);
  check_accounts();
}

// What is pending is looked at every second: not from the pool's beginning each time.
TEST_F(Pool, IsLookedThroughFromTheFirstPendingPageOn) {
  u64 nr, got;
  ASSERT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, 3000, &nr, &got), 0);
  ASSERT_EQ(got, 3000u);
  for (u64 i : {100u, 2000u, 2900u}) contents(i).count = 2;
  ubmem_put_run(&ub, nr, got);
  EXPECT_EQ(ub.pending_from, 100u);
  contents(100).count = 1;
  ubmem_reclaim(&ub);
  EXPECT_EQ(ub.pending_pages, 2u);
  EXPECT_EQ(ub.pending_from, 2000u);
  ubmem_reclaim(&ub);
  EXPECT_EQ(ub.pending_from, 2000u);
  // One that comes before is not missed.
  ub.hint = 0;
  ASSERT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, 1, &nr, &got), 0);
  contents(nr).count = 2;
  ubmem_put_run(&ub, nr, 1);
  EXPECT_EQ(ub.pending_from, nr);
  for (u64 i : {nr, u64{2000}, u64{2900}}) contents(i).count = 1;
  ubmem_reclaim(&ub);
  EXPECT_EQ(ub.free_pages, kFree);
  check_accounts();
}

TEST_F(Pool, AFullPoolTakesPendingPagesBack) {
  u64 nr, got, mine = data_page();
  contents(mine).count = 2;
  ubmem_put_run(&ub, mine, 1);
  while (ub.free_pages) ASSERT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, kPages, &nr, &got), 0);
  EXPECT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, 1, &nr, &got), -ENOSPC);
  contents(mine).count = 1;
  EXPECT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, 1, &nr, &got), 0);
  EXPECT_EQ(nr, mine);
  ubmem_put_run(&ub, kPages - kFree, kFree);
  check_accounts();
}

TEST_F(Pool, ASharedPageStaysUntilItsLastUserGoes) {
  u64 nr = data_page();
  ASSERT_TRUE(ubmem_share_page(&ub, nr));
  ASSERT_TRUE(ubmem_share_page(&ub, nr));
  EXPECT_EQ(ubmem_users(&ub, nr), 3u);
  ubmem_put_run(&ub, nr, 1);
  ubmem_put_run(&ub, nr, 1);
  EXPECT_EQ(ubmem_kind_of(&ub, nr), UBMEM_DATA);
  ubmem_put_run(&ub, nr, 1);
  EXPECT_EQ(ubmem_kind_of(&ub, nr), UBMEM_FREE);
  EXPECT_FALSE(ubmem_share_page(&ub, nr));
  EXPECT_FALSE(ubmem_share_page(&ub, 0));
  check_accounts();
}

// A task that maps a page of a snapshot long freed is dumped.
TEST_F(Pool, APendingPageMayBeSharedAgain) {
  u64 nr = data_page();
  contents(nr).count = 2;
  ubmem_put_run(&ub, nr, 1);
  EXPECT_EQ(ubmem_kind_of(&ub, nr), UBMEM_PENDING);
  ASSERT_TRUE(ubmem_share_page(&ub, nr));
  EXPECT_EQ(ubmem_users(&ub, nr), 1u);
  check_accounts();
  contents(nr).count = 1;
  ubmem_put_run(&ub, nr, 1);
  EXPECT_EQ(ub.free_pages, kFree);
  check_accounts();
}

struct Origin : Pool {
  page source{};
  u64 stored = 0;

  void SetUp() override {
    Pool::SetUp();
    std::fill(std::begin(source.data), std::end(source.data), 'x');
    stored = data_page();
    contents(stored) = source;
    contents(stored).count = 1;
    ubmem_origin_note(&ub, stored, &source);
  }
};

TEST_F(Origin, APageIsFoundAgain) {
  u64 nr = 0;
  ASSERT_TRUE(rmfork_origin_share(&ub, &source, &nr));
  EXPECT_EQ(nr, stored);
  EXPECT_EQ(ubmem_users(&ub, stored), 2u);
  page other{};
  EXPECT_FALSE(rmfork_origin_share(&ub, &other, &nr));
}

TEST_F(Origin, AFrameWithOtherContentsIsNotTakenForIt) {
  u64 nr;
  source.data[4095]++;
  EXPECT_FALSE(rmfork_origin_share(&ub, &source, &nr));
  EXPECT_EQ(ubmem_users(&ub, stored), 1u);
}

TEST_F(Origin, AFreedPageIsForgotten) {
  u64 nr;
  ubmem_put_run(&ub, stored, 1);
  EXPECT_FALSE(rmfork_origin_share(&ub, &source, &nr));
  EXPECT_EQ(ub.origins.nr, 0u);
}

TEST_F(Origin, TheLastNoteOfAFrameCounts) {
  u64 nr, second = data_page();
  source.data[0]++;
  contents(second) = source;
  contents(second).count = 1;
  ubmem_origin_note(&ub, second, &source);
  ASSERT_TRUE(rmfork_origin_share(&ub, &source, &nr));
  EXPECT_EQ(nr, second);
  // The first page goes without taking the note of the second along.
  ubmem_put_run(&ub, stored, 1);
  EXPECT_TRUE(rmfork_origin_share(&ub, &source, &nr));
}

// Users that come and go, and tasks that hold on to pages.
TEST_F(Pool, AccountsStayRight) {
  std::mt19937_64 random(2);
  std::vector<u64> uses;  // a page number for each use
  const auto drop = [&](std::size_t which) {
    ubmem_put_run(&ub, uses[which], 1);
    uses[which] = uses.back();
    uses.pop_back();
  };
  for (int step = 0; step < 2000; step++) {
    u64 nr = 0, got = 0;
    switch (random() % 5) {
      case 0:
        ubmem_alloc_run(&ub, random() % 8 ? UBMEM_DATA : UBMEM_META, 1 + random() % 200, &nr, &got);
        while (got) uses.push_back(nr + --got);
        break;
      case 1:
        if (random() % 4 == 0 && ubmem_alloc_huge(&ub, &nr) == 0)
          for (u64 i = 0; i < HPAGE_PMD_NR; i++) uses.push_back(nr + i);
        break;
      case 2:
        for (u64 n = random() % 300; n && !uses.empty(); n--) drop(random() % uses.size());
        break;
      case 3:
        nr = random() % kPages;
        if (ubmem_share_page(&ub, nr)) uses.push_back(nr);
        break;
      default:
        for (int i = 0; i < 20; i++) {
          nr = random() % kPages;
          if (contents(nr).count > 1)
            contents(nr).count = 1;
          else if (ubmem_kind_of(&ub, nr) == UBMEM_DATA)
            contents(nr).count = 2;
        }
        if (random() % 2) ubmem_reclaim(&ub);
    }
    if (step % 10 == 0) check_accounts();
  }
  for (page& p : *backing_pages) p.count = 1;
  while (!uses.empty()) drop(uses.size() - 1);
  ubmem_reclaim(&ub);
  EXPECT_EQ(ub.free_pages, kFree);
  check_accounts();
}

}  // namespace
