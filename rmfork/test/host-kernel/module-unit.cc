// SPDX-License-Identifier: GPL-2.0-only
//
// The parts of the kernel module that need no machine, built as a program: what a snapshot's index
// looks like, that no damage to ubmem gets past its reader, and which page belongs to whom.
// include/linux stands in for the kernel.
#include "rmfork/test/host-kernel/module-harness.h"

#include <algorithm>
#include <random>

namespace {

struct Pool : testing::Test {
  static constexpr u64 kPages = 4096, kFree = kPages - 2;
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
    EXPECT_EQ(count(UBMEM_SYSTEM), 2u);  // superblock and directory
    for (u64 nr = 0; nr < kPages; nr++) {
      const ubmem_kind kind = ubmem_kind_of(&ub, nr);
      const bool used = kind != UBMEM_FREE && kind != UBMEM_PENDING;
      EXPECT_EQ(ubmem_users(&ub, nr) != 0, used) << nr;
    }
    EXPECT_EQ(host_module_pins, ub.pending_pages ? 1 : 0);
  }
};

// ---- the index

struct Index : Pool {
  rmfork_snapshot snap{};

  void SetUp() override {
    Pool::SetUp();
    begin(snap);
    fill(600);
    ASSERT_EQ(rmfork_index_store(&snap), 0);
    rmfork_header_publish(&snap);
  }
  void TearDown() override {
    release(snap);
    EXPECT_EQ(ub.free_pages, kFree);
    check_accounts();
    Pool::TearDown();
  }

  void begin(rmfork_snapshot& s) {
    u64 nr, got;
    s.ub = &ub;
    s.header.generation = ++ub.generation;
    ASSERT_EQ(ubmem_alloc_run(&ub, UBMEM_META, 1, &nr, &got), 0);
    s.meta_off = nr << PAGE_SHIFT;
  }
  void release(rmfork_snapshot& s) {
    rmfork_index_release(&s);
    ubmem_put_run(&ub, s.meta_off >> PAGE_SHIFT, 1);
  }

  // `n` pages, every third one after a hole: several index blocks.
  void fill(u64 n) {
    u64 vaddr = 0x10000;
    for (u64 i = 0; i < n; i++, vaddr += i % 3 ? PAGE_SIZE : 5 * PAGE_SIZE)
      ASSERT_EQ(rmfork_index_append(&snap.index, vaddr, 1, data_page() << PAGE_SHIFT), 0);
  }

  rmfork_index_block* block(u64 off) {
    return reinterpret_cast<rmfork_index_block*>(contents(off >> PAGE_SHIFT).data);
  }
};

// What lies in ubmem, read as somebody else would: by header and chain alone.
TEST_F(Index, LiesInUbmemAsDescribed) {
  auto* header =
      reinterpret_cast<rmfork_snapshot_header*>(contents(snap.meta_off >> PAGE_SHIFT).data);
  EXPECT_EQ(header->magic, RMFORK_SNAPSHOT_MAGIC);
  EXPECT_EQ(header->page_count, 600u);
  EXPECT_EQ(header->stored_pages, kFree - ub.free_pages);
  std::vector<rmfork_range> ranges;
  for (u64 off = header->index_off; off; off = block(off)->next) {
    EXPECT_EQ(block(off)->magic, RMFORK_INDEX_MAGIC);
    EXPECT_EQ(block(off)->generation, header->generation);
    ranges.insert(ranges.end(), block(off)->ranges, block(off)->ranges + block(off)->count);
  }
  EXPECT_GT(ranges.size(), std::size_t{RMFORK_INDEX_BLOCK_RANGES});
  EXPECT_EQ(ranges.size(), header->range_count);
  EXPECT_EQ(rmfork_crc(0, ranges.data(), ranges.size() * sizeof(rmfork_range)),
            header->index_checksum);
  u64 pages = 0, floor = 0;
  for (const rmfork_range& range : ranges) {
    EXPECT_GE(range.vaddr, floor);
    floor = range.vaddr + range.nr_pages * PAGE_SIZE;
    pages += range.nr_pages;
  }
  EXPECT_EQ(ranges.front().vaddr, 0x10000u);
  EXPECT_EQ(pages, 600u);
  EXPECT_EQ(rmfork_header_check(&snap), 0);
  EXPECT_EQ(rmfork_index_check(&snap), 0);
}

TEST_F(Index, PagesInARowAreOneRange) {
  rmfork_snapshot other{};
  begin(other);
  u64 first, got;
  ASSERT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, 100, &first, &got), 0);
  ASSERT_EQ(got, 100u);
  ASSERT_EQ(rmfork_index_append(&other.index, 0x10000, 40, first << PAGE_SHIFT), 0);
  ASSERT_EQ(
      rmfork_index_append(&other.index, 0x10000 + 40 * PAGE_SIZE, 59, (first + 40) << PAGE_SHIFT),
      0);
  ASSERT_EQ(rmfork_index_append(&other.index, 0x900000, 1, (first + 99) << PAGE_SHIFT), 0);
  EXPECT_EQ(other.index.nr, 2u);
  EXPECT_EQ(other.index.pages, 100u);
  release(other);
}

TEST_F(Index, AnEmptyOneTakesNoRoom) {
  rmfork_snapshot other{};
  begin(other);
  ASSERT_EQ(rmfork_index_store(&other), 0);
  EXPECT_EQ(other.header.index_off, 0u);
  EXPECT_EQ(other.header.stored_pages, 1u);
  EXPECT_EQ(rmfork_index_check(&other), 0);
  release(other);
}

// A damaged bit anywhere in a block is noticed.
TEST_F(Index, NoDamagedBitPasses) {
  for (u64 off = snap.header.index_off; off; off = block(off)->next) {
    auto* bytes = reinterpret_cast<unsigned char*>(block(off));
    for (std::size_t at = 0; at < sizeof(rmfork_index_block); at += 7) {
      bytes[at] ^= 1 << (at % 8);
      EXPECT_EQ(rmfork_index_check(&snap), -EBADMSG) << at;
      bytes[at] ^= 1 << (at % 8);
    }
  }
  EXPECT_EQ(rmfork_index_check(&snap), 0);
}

TEST_F(Index, WithoutRoomForItsBlocksNothingIsLost) {
  u64 nr, got;
  std::vector<u64> rest;
  rmfork_snapshot other{};
  begin(other);
  for (u64 i = 0; i < 3 * RMFORK_INDEX_BLOCK_RANGES; i++)
    ASSERT_EQ(rmfork_index_append(&other.index, 0x10000 + 2 * i * PAGE_SIZE, 1,
                                  data_page() << PAGE_SHIFT),
              0);
  while (ub.free_pages > 2) rest.push_back(data_page());
  EXPECT_EQ(rmfork_index_store(&other), -ENOSPC);
  release(other);
  for (u64 page : rest) ubmem_put_run(&ub, page, 1);
  check_accounts();
  EXPECT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, 1, &nr, &got), 0);
  ubmem_put_run(&ub, nr, 1);
}

TEST_F(Index, ADamagedHeaderIsRefused) {
  auto* bytes = reinterpret_cast<unsigned char*>(contents(snap.meta_off >> PAGE_SHIFT).data);
  for (std::size_t at = 0; at < sizeof(rmfork_snapshot_header); at++) {
    bytes[at] ^= 0x10;
    EXPECT_EQ(rmfork_header_check(&snap), -EBADMSG) << at;
    bytes[at] ^= 0x10;
  }
  EXPECT_EQ(rmfork_header_check(&snap), 0);
  rmfork_header_retract(&snap);
  EXPECT_EQ(rmfork_header_check(&snap), -EBADMSG);
}

TEST(Crc, IsCrc32c) {
  EXPECT_EQ(rmfork_crc(0, "123456789", 9), 0xe3069283u);
}

// ---- the pool

TEST_F(Pool, HasASuperblock) {
  rmfork_super super;
  ubmem_read(&ub, 0, &super, sizeof(super));
  EXPECT_EQ(super.magic, RMFORK_SUPER_MAGIC);
  EXPECT_EQ(super.size, kPages << PAGE_SHIFT);
  EXPECT_EQ(super.checksum, rmfork_crc(0, &super, offsetof(rmfork_super, checksum)));
  for (std::size_t at = 0; at < sizeof(super); at++) {
    EXPECT_EQ(ubmem_check_super(&ub), 0);
    contents(0).data[at] ^= 1;
    EXPECT_EQ(ubmem_check_super(&ub), -EBADMSG) << at;
    contents(0).data[at] ^= 1;
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
  ubmem_put_run(&ub, 2, kFree);
  EXPECT_EQ(ub.free_pages, kFree);
  check_accounts();
}

TEST_F(Pool, HugeRunsAreAlignedAndWhole) {
  u64 nr;
  std::vector<u64> all;
  const u64 in_the_way = data_page();  // behind the superblock: the first 2 MiB are not whole
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

TEST_F(Pool, AFullPoolTakesPendingPagesBack) {
  u64 nr, got, mine = data_page();
  contents(mine).count = 2;
  ubmem_put_run(&ub, mine, 1);
  while (ub.free_pages) ASSERT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, kPages, &nr, &got), 0);
  EXPECT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, 1, &nr, &got), -ENOSPC);
  contents(mine).count = 1;
  EXPECT_EQ(ubmem_alloc_run(&ub, UBMEM_DATA, 1, &nr, &got), 0);
  EXPECT_EQ(nr, mine);
  ubmem_put_run(&ub, 2, kFree);
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

// ---- where pages came from

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

// ---- snapshots, and a pool found again

TEST_F(Kept, SnapshotsAreFoundAgain) {
  const u64 a = save(300), b = save(5), c = save(200, nullptr, find(b));
  save(0);
  EXPECT_EQ(rmfork_free(pool.get(), a, 0), 0);
  const auto before = uses();
  const u64 free = pool->free_pages, generation = pool->generation;
  const std::vector<u8> uuid(pool->uuid, pool->uuid + RMFORK_UUID_BYTES);
  for (int round = 0; round < 3; round++) {
    unload();
    ASSERT_EQ(load(), 0) << host_said;
    EXPECT_EQ(uses(), before);
    EXPECT_EQ(pool->free_pages, free);
    EXPECT_EQ(pool->generation, generation);
    EXPECT_EQ(pool->snapshots->nr, 3u);
    EXPECT_EQ(std::vector<u8>(pool->uuid, pool->uuid + RMFORK_UUID_BYTES), uuid);
    EXPECT_TRUE(sound(b) && sound(c));
    EXPECT_FALSE(find(a));
  }
  // And they are ours to free.
  EXPECT_EQ(rmfork_free(pool.get(), b, 0), 0);
  EXPECT_TRUE(sound(c));
  EXPECT_EQ(rmfork_free(pool.get(), c, 0), 0);
  save(3);
}

TEST_F(Kept, WhatWasNotCommittedIsFreeAgain) {
  rmfork_session owner;
  open(owner);
  const u64 a = save(10, &owner), b = save(10);
  EXPECT_EQ(host_module_pins, 1);
  // As if the machine had gone down.
  auto lost = std::move(pool);
  kept_pages = backing_pages;
  ASSERT_EQ(load(false, true), 0);
  EXPECT_FALSE(find(a));
  EXPECT_TRUE(sound(b));
  EXPECT_EQ(pool->free_pages, lost->free_pages + 10 + 3);
  std::vector<page>* pages = std::exchange(backing_pages, new std::vector<page>(kPages));
  rmfork_close(lost.get());
  delete std::exchange(kept_pages, nullptr);
  backing_pages = pages;
  host_module_pins = 0;
}

TEST_F(Kept, CommittedOnesDoNotPinTheModule) {
  rmfork_session owner;
  open(owner);
  const u64 a = save(10, &owner);
  EXPECT_EQ(host_module_pins, 1);
  EXPECT_EQ(rmfork_commit_owned(&owner), 0);
  EXPECT_EQ(host_module_pins, 0);
  unload();
  ASSERT_EQ(load(), 0);
  EXPECT_TRUE(sound(a));
}

TEST_F(Kept, TasksThatMapPagesPinTheModule) {
  const u64 off = save(10);
  page& mapped = (*backing_pages)[find(off)->index.ranges[3].data_off >> PAGE_SHIFT];
  mapped.count = 2;
  ubmem_note_mapped(pool.get());
  ubmem_note_mapped(pool.get());
  EXPECT_EQ(host_module_pins, 1);
  ubmem_reclaim(pool.get());
  EXPECT_EQ(host_module_pins, 1);
  mapped.count = 1;
  ubmem_reclaim(pool.get());
  EXPECT_EQ(host_module_pins, 0);
}

TEST_F(Kept, ABlankPoolIsMadeAndAnotherThingRefused) {
  unload();
  (*kept_pages)[0].data[20] ^= 1;
  EXPECT_EQ(load(), -EBADMSG);
  EXPECT_STRNE(host_said, "");
  EXPECT_EQ(load(true), 0);
  EXPECT_EQ(pool->snapshots->nr, 0u);
}

TEST_F(Kept, FreesTheGenerationThatIsMeant) {
  const u64 off = save(10), generation = pool->generation;
  EXPECT_EQ(rmfork_free(pool.get(), off, generation + 1), -ESTALE);
  EXPECT_TRUE(sound(off));
  EXPECT_EQ(rmfork_free(pool.get(), off, generation), 0);
  EXPECT_EQ(rmfork_free(pool.get(), off, generation), -ENOENT);
  // Another one comes to its place.
  pool->hint = 0;
  ASSERT_EQ(save(10), off);
  EXPECT_EQ(rmfork_free(pool.get(), off, generation), -ESTALE);
  EXPECT_TRUE(sound(off));
}

TEST_F(Kept, WhatIsFreedWhileItIsReadIsNotDamaged) {
  const u64 off = save(10);
  rmfork_snapshot* s = rmfork_snapshot_get(pool.get(), off);
  ASSERT_EQ(rmfork_snapshot_check(s), 0);
  char& byte = (*backing_pages)[off >> PAGE_SHIFT].data[40];
  byte ^= 1;
  EXPECT_EQ(rmfork_header_check(s), -EBADMSG);
  byte ^= 1;
  EXPECT_EQ(rmfork_free(pool.get(), off, 0), 0);
  EXPECT_EQ(rmfork_header_check(s), -ENOENT);
  EXPECT_EQ(rmfork_snapshot_check(s), -ENOENT);
  rmfork_snapshot_put(s);
}

TEST_F(Kept, GetsTheGenerationThatIsMeant) {
  const u64 off = save(10), generation = pool->generation;
  for (u64 meant : {u64{0}, generation}) {
    rmfork_snapshot* s = rmfork_snapshot_get_that(pool.get(), off, meant);
    ASSERT_FALSE(IS_ERR(s));
    rmfork_snapshot_put(s);
  }
  EXPECT_EQ(PTR_ERR(rmfork_snapshot_get_that(pool.get(), off, generation + 1)), -ESTALE);
  EXPECT_EQ(rmfork_free(pool.get(), off, 0), 0);
  EXPECT_EQ(PTR_ERR(rmfork_snapshot_get_that(pool.get(), off, generation)), -ENOENT);
  // Another one comes to its place.
  pool->hint = 0;
  const u64 free = pool->free_pages;
  ASSERT_EQ(save(10), off);
  EXPECT_EQ(PTR_ERR(rmfork_snapshot_get_that(pool.get(), off, generation)), -ESTALE);
  // None of these has kept a reference.
  EXPECT_EQ(rmfork_free(pool.get(), off, generation + 1), 0);
  EXPECT_EQ(pool->free_pages, free);
}

// A machine that went down with the pool looks like one that still uses it.
TEST_F(Kept, APoolInUseElsewhereIsLeftAlone) {
  const u64 off = save(10);
  const std::vector<page> in_use = *backing_pages;
  unload();
  *kept_pages = in_use;
  EXPECT_EQ(load(), -EBUSY);
  EXPECT_EQ(std::memcmp((*kept_pages)[0].data, in_use[0].data, PAGE_SIZE), 0);
  ASSERT_EQ(load(false, true), 0);
  EXPECT_TRUE(sound(off));
}

TEST_F(Kept, TheDirectoryGrowsAndShrinks) {
  std::vector<u64> all;
  const u64 free = pool->free_pages;
  for (u64 i = 0; i < RMFORK_DIR_SLOTS + 20; i++) all.push_back(save(0));
  EXPECT_EQ(pool->snapshots->directory.nr, 2u);
  unload();
  ASSERT_EQ(load(), 0);
  EXPECT_EQ(pool->snapshots->nr, all.size());
  std::shuffle(all.begin(), all.end(), std::mt19937_64(3));
  for (u64 off : all) EXPECT_EQ(rmfork_free(pool.get(), off, 0), 0);
  EXPECT_EQ(pool->snapshots->directory.nr, 1u);
  EXPECT_EQ(pool->free_pages, free);
}

// Any damaged byte of what a pool says of itself makes it refused.
TEST_F(Kept, NoDamagedByteIsAdopted) {
  const u64 off = save(300);
  std::vector<std::pair<u64, std::size_t>> said = {
      {0, sizeof(rmfork_super)},
      {off >> PAGE_SHIFT, sizeof(rmfork_snapshot_header)},
  };
  for (u64 i = 0; i < find(off)->index.nr_blocks; i++)
    said.emplace_back(find(off)->index.blocks[i], PAGE_SIZE);
  for (u64 i = 0; i < find(off)->index.nr_sum_blocks; i++)
    said.emplace_back(find(off)->index.sum_blocks[i], PAGE_SIZE);
  // Of the directory what is in use: an unused slot that names something is found too.
  said.emplace_back(pool->snapshots->directory.blocks[0], 4);
  const u64 directory = pool->snapshots->directory.blocks[0];
  unload();
  const auto refuses = [&](u64 nr, std::size_t at, int flip) {
    char& byte = (*kept_pages)[nr].data[at];
    byte = static_cast<char>(byte ^ flip);
    const int ret = load();
    EXPECT_EQ(ret, -EBADMSG) << "page " << nr << " byte " << at;
    if (ret == 0) unload();
    (*kept_pages)[nr].data[at] = static_cast<char>((*kept_pages)[nr].data[at] ^ flip);
  };
  for (const auto& [nr, size] : said)
    for (std::size_t at = 0; at<size; at += nr> 3 ? 3 : 1) refuses(nr, at, 0x21);
  for (std::size_t at = 8; at < PAGE_SIZE; at += 5)
    if (at / 8 != 2) refuses(directory, at, 0x21);
  ASSERT_EQ(load(), 0);
  EXPECT_TRUE(sound(off));
}

// With checksums to match, what is adopted stays within bounds, and the end comes.
// As many pages as are in the pool, and no more: by few of them an index could ask for a work
// without end.
TEST_F(Kept, AnIndexOfMorePagesThanThePoolIsRefused) {
  for (u64 ranges : {2u, 3u}) {
    const u64 off = save(ranges), first = kPages / 2, each = 900;
    unload();
    auto& header =
        *reinterpret_cast<rmfork_snapshot_header*>((*kept_pages)[off >> PAGE_SHIFT].data);
    auto& block =
        *reinterpret_cast<rmfork_index_block*>((*kept_pages)[header.index_off >> PAGE_SHIFT].data);
    for (u64 i = 0; i < ranges; i++)
      block.ranges[i] = {0x10000 + i * each * PAGE_SIZE, each, first << PAGE_SHIFT};
    block.count = static_cast<u32>(ranges);
    header.range_count = ranges;
    header.page_count = ranges * each;
    header.sums_off = 0;
    header.index_checksum = rmfork_crc(0, block.ranges, ranges * sizeof(block.ranges[0]));
    header.checksum = rmfork_header_crc(&header);
    EXPECT_EQ(load(), ranges * each <= kPages ? 0 : -EBADMSG) << host_said;
  }
  ASSERT_EQ(load(true), 0);
}

TEST_F(Kept, ForgedPoolsStayWithinBounds) {
  const u64 off = save(600), other = save(20);
  const u64 first = find(off)->header.index_off >> PAGE_SHIFT;
  const u64 pages[] = {off >> PAGE_SHIFT,
                       first,
                       find(off)->index.blocks[1],
                       other >> PAGE_SHIFT,
                       pool->snapshots->directory.blocks[0],
                       find(off)->index.sum_blocks[0]};
  unload();
  const std::vector<page> good = *kept_pages;
  std::mt19937_64 random(1);
  const u64 interesting[] = {0,
                             1,
                             168,
                             170,
                             PAGE_SIZE,
                             kPages,
                             kPages << PAGE_SHIFT,
                             off,
                             other,
                             first << PAGE_SHIFT,
                             1UL << 47,
                             1UL << 52,
                             (1UL << 52) - 1,
                             1UL << 63,
                             ~0UL,
                             ~0UL << PAGE_SHIFT};
  int adopted = 0;
  for (int round = 0; round < 3000; round++) {
    *kept_pages = good;
    for (u64 changes = 1 + random() % 3; changes; changes--) {
      page& p = (*kept_pages)[pages[random() % std::size(pages)]];
      u64* word = reinterpret_cast<u64*>(p.data) + random() % 24;
      *word = random() % 2 ? interesting[random() % std::size(interesting)] : random() << 12;
    }
    // As if whoever did that had set the checksums to match.
    for (u64 nr : {off >> PAGE_SHIFT, other >> PAGE_SHIFT}) {
      auto* header = reinterpret_cast<rmfork_snapshot_header*>((*kept_pages)[nr].data);
      if (random() % 2) header->magic = RMFORK_SNAPSHOT_MAGIC;
      std::vector<rmfork_range> ranges;
      u64 at = header->index_off;
      for (int blocks = 0; blocks < 5 && at && at % PAGE_SIZE == 0 && at / PAGE_SIZE < kPages;
           blocks++) {
        auto* block = reinterpret_cast<rmfork_index_block*>((*kept_pages)[at / PAGE_SIZE].data);
        const u32 n = std::min<u32>(block->count, RMFORK_INDEX_BLOCK_RANGES);
        ranges.insert(ranges.end(), block->ranges, block->ranges + n);
        at = block->next;
      }
      header->index_checksum = rmfork_crc(0, ranges.data(), ranges.size() * sizeof(rmfork_range));
      header->checksum = rmfork_header_crc(header);
    }
    const int ret = load();
    EXPECT_TRUE(ret == 0 || ret == -EBADMSG);
    if (ret) continue;
    adopted++;
    for (u64 generation = 0; rmfork_snapshot* s = rmfork_snapshot_next(pool.get(), generation);) {
      generation = s->header.generation;
      for (u64 i = 0; i < s->index.nr; i++)
        for (u64 k = 0; k < s->index.ranges[i].nr_pages; k++) {
          const u64 nr = s->index.ranges[i].data_off / PAGE_SIZE + k;
          ASSERT_LT(nr, kPages);
          ASSERT_EQ(ubmem_kind_of(pool.get(), nr), UBMEM_DATA);
        }
      rmfork_snapshot_put(s);
      if (generation >= pool->generation) break;
    }
    unload();
  }
  EXPECT_GT(adopted, 0);
  *kept_pages = good;
  ASSERT_EQ(load(), 0);
}

}  // namespace
