// SPDX-License-Identifier: GPL-2.0-only
//
// The parts of the kernel module that need no machine, built as a program: what a snapshot's index
// looks like, that no damage to ubmem gets past its reader, and which page belongs to whom.
// include/linux stands in for the kernel.
#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <random>
#include <vector>

extern "C" {
#include "rmfork/kernel/rmfork-module.h"

int host_module_pins;
}

void host_warn_on(bool on) {
  EXPECT_FALSE(on);
}

namespace {

std::vector<page>* backing_pages;

int backing_create(ubmem* ub) {
  backing_pages = new std::vector<page>(ub->nr_pages);
  for (page& p : *backing_pages) p.count = 1;
  return 0;
}

void backing_destroy(ubmem*) {
  delete backing_pages;
  backing_pages = nullptr;
}

page* backing_page(const ubmem*, u64 nr) {
  EXPECT_LT(nr, backing_pages->size());
  return &(*backing_pages)[nr];
}

bool backing_owns(const ubmem*, const page*) {
  return false;
}

const ubmem_backing kBacking = {"vector", backing_create, backing_destroy, backing_page,
                                backing_owns};

struct Pool : testing::Test {
  static constexpr u64 kPages = 4096;
  ubmem ub;
  u32 next_id = UBMEM_FIRST_ID;

  void SetUp() override {
    host_module_pins = 0;
    ASSERT_EQ(ubmem_init(&ub, &kBacking, kPages), 0);
  }
  void TearDown() override { ubmem_destroy(&ub); }

  std::unique_ptr<rmfork_snapshot> snapshot() {
    auto s = std::make_unique<rmfork_snapshot>();
    s->ub = &ub;
    s->id = next_id++;
    s->low = kPages;
    s->header.generation = ++ub.generation;
    u64 nr, got;
    EXPECT_EQ(ubmem_alloc_run(s.get(), 1, &nr, &got), 0);
    s->meta_off = nr << PAGE_SHIFT;
    return s;
  }

  u64 page_for(rmfork_snapshot* s) {
    u64 nr, got;
    EXPECT_EQ(ubmem_alloc_run(s, 1, &nr, &got), 0);
    EXPECT_EQ(got, 1u);
    return nr << PAGE_SHIFT;
  }

  // Every page is somebody's, and the counters agree.
  void check_accounts() {
    u64 free = std::count(ub.owner, ub.owner + kPages, UBMEM_FREE);
    u64 pending = std::count(ub.owner, ub.owner + kPages, UBMEM_PENDING);
    EXPECT_EQ(ub.free_pages, free);
    EXPECT_EQ(ub.pending_pages, pending);
    EXPECT_EQ(ub.owner[0], UBMEM_SYSTEM);
    EXPECT_EQ(host_module_pins, pending ? 1 : 0);
  }
};

// ---- the index

struct Index : Pool {
  std::unique_ptr<rmfork_snapshot> snap;
  std::vector<rmfork_range> written;

  void SetUp() override {
    Pool::SetUp();
    snap = snapshot();
    write(600);
  }

  // `n` pages, every third one after a hole: several index blocks.
  void write(u64 n) {
    rmfork_index_writer w;
    ASSERT_EQ(rmfork_index_begin(&w, snap.get()), 0);
    u64 vaddr = 0x10000;
    for (u64 i = 0; i < n; i++, vaddr += i % 3 ? PAGE_SIZE : 5 * PAGE_SIZE)
      ASSERT_EQ(rmfork_index_append(&w, vaddr, page_for(snap.get())), 0);
    rmfork_index_finish(&w);
    rmfork_header_publish(snap.get());
  }

  // What the reader gives; `ret` is how it ended.
  std::vector<rmfork_range> read(int* ret) {
    std::vector<rmfork_range> all;
    rmfork_index_reader r;
    EXPECT_EQ(rmfork_index_open(&r, snap.get()), 0);
    rmfork_range range;
    while ((*ret = rmfork_index_next(&r, &range)) > 0) {
      all.push_back(range);
      check_bounds(range);
      EXPECT_LE(all.size(), snap->header.range_count);
      if (all.size() > snap->header.range_count) break;
    }
    rmfork_index_close(&r);
    return all;
  }

  // What memory safety rests on, whatever ubmem says.
  void check_bounds(const rmfork_range& range) {
    EXPECT_EQ(range.vaddr % PAGE_SIZE, 0u);
    EXPECT_LE(range.vaddr + range.nr_pages * PAGE_SIZE, TASK_SIZE_MAX);
    for (u64 i = 0; i < range.nr_pages; i++) {
      u64 nr = range.data_off / PAGE_SIZE + i;
      ASSERT_LT(nr, kPages);
      ASSERT_EQ(ub.owner[nr], snap->id);
    }
  }

  rmfork_index_block* block(u64 off) {
    return reinterpret_cast<rmfork_index_block*>((*backing_pages)[off >> PAGE_SHIFT].data);
  }
  rmfork_index_block* first() { return block(snap->header.index_off); }

  // As if whoever damaged the index had set the header's checksum to match.
  void forge_checksum() {
    u32 crc = 0;
    u64 left = snap->header.range_count;
    for (u64 off = snap->header.index_off; off && left; off = block(off)->next) {
      u64 n = std::min<u64>(block(off)->count, RMFORK_INDEX_BLOCK_RANGES);
      crc = rmfork_crc(crc, block(off)->ranges, n * sizeof(rmfork_range));
      left -= std::min(left, n);
      if (block(off)->next % PAGE_SIZE || block(off)->next / PAGE_SIZE >= kPages) break;
    }
    snap->header.index_checksum = crc;
  }

  int result() {
    int ret;
    read(&ret);
    return ret;
  }
};

bool same(const std::vector<rmfork_range>& a, const std::vector<rmfork_range>& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](const auto& x, const auto& y) {
           return x.vaddr == y.vaddr && x.nr_pages == y.nr_pages && x.data_off == y.data_off;
         });
}

TEST_F(Index, IsReadAsItWasWritten) {
  int ret;
  auto all = read(&ret);
  EXPECT_EQ(ret, 0);
  u64 pages = 0;
  for (const auto& range : all) pages += range.nr_pages;
  EXPECT_EQ(pages, 600u);
  EXPECT_EQ(all.size(), snap->header.range_count);
  EXPECT_GT(all.size(), std::size_t{RMFORK_INDEX_BLOCK_RANGES});
  EXPECT_EQ(all.front().vaddr, 0x10000u);
  EXPECT_EQ(rmfork_header_check(snap.get()), 0);
}

TEST_F(Index, ManyPagesInARowAreOneRange) {
  auto other = snapshot();
  rmfork_index_writer w;
  ASSERT_EQ(rmfork_index_begin(&w, other.get()), 0);
  u64 first_block = page_for(other.get());  // the writer's own block would lie in between
  ASSERT_EQ(rmfork_index_append(&w, 0x10000, first_block), 0);
  u64 off = page_for(other.get());
  for (u64 i = 0; i < 100; i++) {
    ASSERT_EQ(rmfork_index_append(&w, 0x100000 + i * PAGE_SIZE, off), 0);
    off = page_for(other.get());
  }
  rmfork_index_finish(&w);
  EXPECT_EQ(other->header.range_count, 2u);
  EXPECT_EQ(other->header.page_count, 101u);
  ubmem_release(other.get());
}

TEST_F(Index, AnEmptyIndexIsSound) {
  auto other = snapshot();
  rmfork_index_writer w;
  ASSERT_EQ(rmfork_index_begin(&w, other.get()), 0);
  rmfork_index_finish(&w);
  EXPECT_EQ(other->header.index_off, 0u);
  std::swap(snap, other);
  EXPECT_EQ(result(), 0);
}

// A damaged bit anywhere in the used part of the index is noticed.
TEST_F(Index, NoDamagedBitPasses) {
  int ret;
  const auto good = read(&ret);
  for (u64 off = snap->header.index_off; off; off = block(off)->next) {
    auto* bytes = reinterpret_cast<unsigned char*>(block(off));
    std::size_t used =
        offsetof(rmfork_index_block, ranges) + block(off)->count * sizeof(rmfork_range);
    for (std::size_t at = 0; at < used; at += 7) {
      bytes[at] ^= 1 << (at % 8);
      EXPECT_EQ(result(), -EBADMSG) << at;
      bytes[at] ^= 1 << (at % 8);
    }
  }
  EXPECT_TRUE(same(read(&ret), good));
  EXPECT_EQ(ret, 0);
}

// And with a checksum to match, what it says still stays within bounds, and reading ends.
TEST_F(Index, ForgedBlocksStayWithinBounds) {
  std::mt19937_64 random(1);
  const u64 blocks[] = {snap->header.index_off, first()->next};
  const rmfork_index_block good[] = {*block(blocks[0]), *block(blocks[1])};
  const u32 checksum = snap->header.index_checksum;
  const u64 interesting[] = {0,
                             1,
                             168,
                             170,
                             PAGE_SIZE,
                             kPages,
                             kPages << PAGE_SHIFT,
                             snap->header.index_off,
                             snap->meta_off,
                             1UL << 47,
                             1UL << 52,
                             (1UL << 52) - 1,
                             1UL << 63,
                             ~0UL,
                             ~0UL << PAGE_SHIFT};
  for (int round = 0; round < 3000; round++) {
    u64 off = blocks[random() % 2];
    for (u64 changes = 1 + random() % 3; changes; changes--) {
      auto* words = reinterpret_cast<u64*>(block(off));
      u64& word = words[random() % 24];
      word = random() % 2 ? interesting[random() % std::size(interesting)] : random() << 12;
    }
    if (block(off)->magic != RMFORK_INDEX_MAGIC && random() % 4)
      block(off)->magic = RMFORK_INDEX_MAGIC;
    forge_checksum();
    int ret;
    read(&ret);
    EXPECT_TRUE(ret == 0 || ret == -EBADMSG);
    for (int i = 0; i < 2; i++) *block(blocks[i]) = good[i];
    snap->header.index_checksum = checksum;
  }
}

TEST_F(Index, AnotherSnapshotsPagesAreRefused) {
  auto other = snapshot();
  first()->ranges[0].data_off = page_for(other.get());
  forge_checksum();
  EXPECT_EQ(result(), -EBADMSG);
}

TEST_F(Index, AnotherSnapshotsBlockIsRefused) {
  auto other = snapshot();
  u64 off = page_for(other.get());
  *block(off) = *block(first()->next);
  first()->next = off;
  EXPECT_EQ(result(), -EBADMSG);
}

TEST_F(Index, ACircleIsRefused) {
  first()->next = snap->header.index_off;
  EXPECT_EQ(result(), -EBADMSG);
}

TEST_F(Index, RangesThatDescendOrOverlapAreRefused) {
  first()->ranges[1].vaddr = first()->ranges[0].vaddr;
  forge_checksum();
  EXPECT_EQ(result(), -EBADMSG);
}

TEST_F(Index, AddressesOfTheKernelAreRefused) {
  for (u64 vaddr : {1UL << 47, ~0UL << PAGE_SHIFT, 0xffff888000000000UL}) {
    u64 last = snap->header.range_count - 1;
    u64 off = snap->header.index_off;
    for (; last >= RMFORK_INDEX_BLOCK_RANGES; last -= RMFORK_INDEX_BLOCK_RANGES)
      off = block(off)->next;
    block(off)->ranges[last].vaddr = vaddr;
    forge_checksum();
    EXPECT_EQ(result(), -EBADMSG);
  }
}

TEST_F(Index, ADamagedHeaderIsRefused) {
  auto* bytes =
      reinterpret_cast<unsigned char*>((*backing_pages)[snap->meta_off >> PAGE_SHIFT].data);
  for (std::size_t at = 0; at < sizeof(rmfork_snapshot_header); at++) {
    bytes[at] ^= 0x10;
    EXPECT_EQ(rmfork_header_check(snap.get()), -EBADMSG) << at;
    bytes[at] ^= 0x10;
  }
  EXPECT_EQ(rmfork_header_check(snap.get()), 0);
  rmfork_header_retract(snap.get());
  EXPECT_EQ(rmfork_header_check(snap.get()), -EBADMSG);
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
}

TEST_F(Pool, GivesEveryPageOnceAndThenRefuses) {
  auto s = snapshot();
  u64 nr, got, sum = 1;
  while (ubmem_alloc_run(s.get(), 100, &nr, &got) == 0) {
    EXPECT_LE(got, 100u);
    sum += got;
  }
  EXPECT_EQ(sum, kPages - 1);
  EXPECT_EQ(ubmem_alloc_run(s.get(), 1, &nr, &got), -ENOSPC);
  check_accounts();
  ubmem_release(s.get());
  EXPECT_EQ(ub.free_pages, kPages - 1);
  check_accounts();
}

TEST_F(Pool, PagesInUseBecomePendingAndComeBack) {
  auto s = snapshot();
  u64 a = page_for(s.get()) >> PAGE_SHIFT, b = page_for(s.get()) >> PAGE_SHIFT;
  (*backing_pages)[a].count = 3;
  (*backing_pages)[b].count = 2;
  EXPECT_EQ(ubmem_pages_in_use(s.get()), 2u);
  ubmem_release(s.get());
  EXPECT_EQ(ub.pending_pages, 2u);
  EXPECT_TRUE(ub.reclaim.scheduled);
  check_accounts();
  (*backing_pages)[b].count = 1;
  ub.reclaim.scheduled = false;
  ub.reclaim.fn(&ub.reclaim.work);
  EXPECT_EQ(ub.pending_pages, 1u);
  EXPECT_TRUE(ub.reclaim.scheduled);
  check_accounts();
  (*backing_pages)[a].count = 1;
  ubmem_reclaim(&ub);
  EXPECT_EQ(ub.free_pages, kPages - 1);
  check_accounts();
}

TEST_F(Pool, AFullPoolTakesPendingPagesBack) {
  auto s = snapshot();
  u64 mine = page_for(s.get()) >> PAGE_SHIFT;
  (*backing_pages)[mine].count = 2;
  ubmem_release(s.get());
  auto t = snapshot();
  u64 nr, got;
  while (ub.free_pages) ASSERT_EQ(ubmem_alloc_run(t.get(), kPages, &nr, &got), 0);
  EXPECT_EQ(ubmem_alloc_run(t.get(), 1, &nr, &got), -ENOSPC);
  (*backing_pages)[mine].count = 1;
  EXPECT_EQ(ubmem_alloc_run(t.get(), 1, &nr, &got), 0);
  EXPECT_EQ(nr, mine);
  ubmem_release(t.get());
  check_accounts();
}

// Many snapshots that come and go, with pages that tasks hold on to.
TEST_F(Pool, AccountsStayRight) {
  std::mt19937_64 random(2);
  std::vector<std::unique_ptr<rmfork_snapshot>> live;
  for (int step = 0; step < 2000; step++) {
    switch (random() % 4) {
      case 0:
        if (ub.free_pages) live.push_back(snapshot());
        break;
      case 1:
        if (!live.empty()) {
          u64 nr, got;
          ubmem_alloc_run(live[random() % live.size()].get(), 1 + random() % 200, &nr, &got);
        }
        break;
      case 2:
        if (!live.empty()) {
          std::size_t which = random() % live.size();
          ubmem_release(live[which].get());
          live.erase(live.begin() + static_cast<long>(which));
        }
        break;
      default:
        for (int i = 0; i < 20; i++) {
          page& p = (*backing_pages)[random() % kPages];
          u32 owner = ub.owner[&p - backing_pages->data()];
          if (p.count > 1)
            p.count = 1;
          else if (owner != UBMEM_FREE && owner != UBMEM_PENDING)
            p.count = 2;
        }
        if (random() % 2) ubmem_reclaim(&ub);
    }
    check_accounts();
  }
  for (page& p : *backing_pages) p.count = 1;
  for (auto& s : live) ubmem_release(s.get());
  ubmem_reclaim(&ub);
  EXPECT_EQ(ub.free_pages, kPages - 1);
  check_accounts();
}

}  // namespace
