// SPDX-License-Identifier: GPL-2.0-only
//
// What a snapshot's index looks like, and that no damage to it gets past its reader.
#include "rmfork/test/host-kernel/pool-harness.h"

namespace {

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

}  // namespace
