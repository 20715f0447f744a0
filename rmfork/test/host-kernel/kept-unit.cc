// SPDX-License-Identifier: GPL-2.0-only
//
// A pool that outlives the module: what is found again, and what is not believed.
#include <algorithm>
#include <random>

#include "rmfork/test/host-kernel/module-harness.h"

namespace {

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

// Nor is what tasks map: mostly the page that was mapped a second ago still is.
TEST_F(Kept, MappedPagesAreLookedForWhereOneWas) {
  const u64 off = save(500);
  const u64 nr = find(off)->index.ranges[200].data_off >> PAGE_SHIFT;
  (*backing_pages)[nr].count = 2;
  ubmem_note_mapped(pool.get());
  ubmem_reclaim(pool.get());
  EXPECT_EQ(pool->mapped_hint, nr);
  const u64 before = looked_at;
  ubmem_reclaim(pool.get());
  EXPECT_LT(looked_at - before, 10u);
  (*backing_pages)[nr].count = 1;
  ubmem_reclaim(pool.get());
  EXPECT_EQ(host_module_pins, 0);
}

TEST_F(Kept, ABlankPoolIsMadeAndAnotherThingRefused) {
  unload();
  for (u64 which = 0; which < RMFORK_SUPERS; which++) (*kept_pages)[which].data[20] ^= 1;
  EXPECT_EQ(load(), -EBADMSG);
  EXPECT_STRNE(host_said, "");
  EXPECT_EQ(load(true), 0);
  EXPECT_EQ(pool->snapshots->nr, 0u);
}

TEST_F(Kept, WhatIsRefusedIsLeftAsItIs) {
  save(10);
  const u64 directory = pool->directory;
  unload();
  (*kept_pages)[0].data[offsetof(rmfork_super, user)] = 7;  // of one that went down
  (*kept_pages)[directory].data[0] ^= 1;
  const std::vector<page> damaged = *kept_pages;
  EXPECT_EQ(load(false, true), -EBADMSG);
  for (u64 nr = 0; nr < kPages; nr++)
    EXPECT_EQ(std::memcmp((*kept_pages)[nr].data, damaged[nr].data, PAGE_SIZE), 0) << nr;
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

// Any damaged byte of what a pool says of itself makes it refused; but for one superblock of the
// two, which may be half written (crash-unit.cc).
TEST_F(Kept, NoDamagedByteIsAdopted) {
  const u64 off = save(300);
  std::vector<std::pair<u64, std::size_t>> said = {
      {0, offsetof(rmfork_super, reserved)},
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
  (*kept_pages)[1].data[offsetof(rmfork_super, checksum)] ^= 1;
  for (std::size_t at = offsetof(rmfork_super, reserved); at < sizeof(rmfork_super); at++)
    if (at < offsetof(rmfork_super, user) || at >= offsetof(rmfork_super, guests_off))
      refuses(0, at, 0x21);
  (*kept_pages)[1].data[offsetof(rmfork_super, checksum)] ^= 1;
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
