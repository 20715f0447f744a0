// SPDX-License-Identifier: GPL-2.0-only
//
// What neither of two machines with one pool believes of the other.
#include <algorithm>
#include <random>
#include <string>

#include "rmfork/test/host-kernel/guest-harness.h"

namespace {

// A block that somebody has written to: a pin there is left alone, and goes with the next guest.
TEST_F(Guests, TakeOnlyPinsThatNameNothing) {
  const u64 off = save(10);
  block(0).pins[0] = {off + PAGE_SIZE, 3};
  ASSERT_EQ(look(off), 0);
  EXPECT_EQ(block(0).pins[0].meta_off, off + PAGE_SIZE);
  EXPECT_EQ(block(0).pins[1].meta_off, off);
  drop();
  EXPECT_EQ(pins(), 1u);
  leave(guest);
  guest = attach();
  EXPECT_EQ(pins(), 0u);
}

TEST_F(Guests, WalkADirectoryOfAnyLengthThereCanBe) {
  u64 saved = 0, generation = 0, found = 0;
  // Each a header and, at times, a block of the directory.
  for (; pool->free_pages > 1; saved++) save(0);
  EXPECT_EQ(rmfork_guest_count(guest.get(), &generation, &found), 0) << host_said;
  EXPECT_EQ(found, saved);
  EXPECT_GT(pool->snapshots->directory.nr, 3u);
  EXPECT_EQ(rmfork_guest_check(guest.get()), 0);
}

TEST_F(Guests, DoNotGoRoundInCircles) {
  const u64 off = save(10);
  auto* first = reinterpret_cast<rmfork_dir_block*>(
      (*backing_pages)[pool->snapshots->directory.blocks[0]].data);
  first->next = pool->snapshots->directory.blocks[0] << PAGE_SHIFT;
  host_slept = 0;
  EXPECT_EQ(rmfork_guest_check(guest.get()), -EBADMSG);
  EXPECT_NE(std::string(host_said).find("the length of the directory"), std::string::npos);
  EXPECT_EQ(host_slept, 0u);  // it is not looked at again
  first->next = 0;
  EXPECT_EQ(rmfork_guest_check(guest.get()), 0);
  // Who is killed does not wait for what gets no better.
  host_said[0] = 0;
  first->magic ^= 1;
  host_killed = true;
  EXPECT_EQ(rmfork_guest_check(guest.get()), -EINTR);
  EXPECT_EQ(look(off), -EINTR);
  host_killed = false;
  EXPECT_EQ(host_slept, 0u);
  EXPECT_STREQ(host_said, "");
  EXPECT_EQ(rmfork_guest_check(guest.get()), -EBADMSG);
  EXPECT_GT(host_slept, 0u);
  first->magic ^= 1;
}

// A block of the directory is given up and used for something else while it is read.
TEST_F(Guests, TakeNothingFromABlockThatIsGivenUp) {
  const u64 off = save(10);
  auto* first = reinterpret_cast<rmfork_dir_block*>(
      (*backing_pages)[pool->snapshots->directory.blocks[0]].data);
  const rmfork_dir_block good = *first;
  read_page = pool->snapshots->directory.blocks[0];
  before_read = [&] {
    first->slots[5] = 12345;
    before_read = [&] {
      first->magic = 0;
      before_read = [&] { *first = good; };
    };
  };
  EXPECT_EQ(rmfork_guest_check(guest.get()), 0) << host_said;
  EXPECT_FALSE(before_read);
  EXPECT_EQ(look(off), 0);
  drop();
}

TEST_F(Guests, NeedAPoolOfTheSameLayout) {
  leave(guest);
  unload();
  backing_pages = kept_pages;
  auto* super = reinterpret_cast<rmfork_super*>((*backing_pages)[0].data);
  const rmfork_super good = *super;
  super->layout_version = 1;
  EXPECT_FALSE(attach(-EBADMSG));
  EXPECT_NE(std::string(host_said).find("layout 1, and this module has layout 3"),
            std::string::npos);
  EXPECT_EQ(load(), -EBADMSG);
  // A new one in its place only if nobody has it, whatever its version calls the rest.
  reinterpret_cast<rmfork_super*>((*kept_pages)[0].data)->user = 7;
  EXPECT_EQ(load(true), -EBUSY);
  EXPECT_NE(std::string(host_said).find("other machines use ubmem"), std::string::npos);
  EXPECT_EQ(reinterpret_cast<rmfork_super*>((*kept_pages)[0].data)->user, 7u);
  const std::vector<page> old = *kept_pages;
  EXPECT_EQ(load(true, true), 0);
  unload();
  *kept_pages = old;
  reinterpret_cast<rmfork_super*>((*kept_pages)[0].data)->user = 0;
  EXPECT_EQ(load(true), 0);
  unload();
  *kept_pages = old;
  backing_pages = kept_pages;
  *reinterpret_cast<rmfork_super*>((*backing_pages)[0].data) = good;
  const std::vector<page> pages = *backing_pages;
  for (page& p : *backing_pages) std::memset(p.data, 0, PAGE_SIZE);
  EXPECT_FALSE(attach(-ENOENT));
  *backing_pages = pages;
  backing_pages = nullptr;
  ASSERT_EQ(load(), 0);
}

// Whatever stands in the table: the owner stays within the pool, and has all again when it is
// cleared.
TEST_F(Guests, ForgedPinsOnlyKeepPagesForLonger) {
  const u64 all = pool->free_pages, a = save(300), b = save(20), freed = save(10);
  const u64 generation = find(a)->header.generation, index = find(a)->header.index_off;
  const u64 of_freed = find(freed)->header.generation;
  EXPECT_EQ(rmfork_free(pool.get(), freed, 0), 0);
  const u64 left = pool->free_pages;
  leave(guest);
  std::mt19937_64 random(5);
  const u64 offs[] = {0,
                      8,
                      PAGE_SIZE,
                      a,
                      b,
                      freed,
                      index,
                      index + PAGE_SIZE,
                      1UL << 63,
                      ~0UL << 12,
                      pool->guests << PAGE_SHIFT,
                      kPages << PAGE_SHIFT};
  const u64 generations[] = {0, 1, generation, generation + 1, of_freed, ~0UL};
  u64 most = 0;
  for (int round = 0; round < 300; round++) {
    for (u32 slot = 0; slot < RMFORK_GUEST_SLOTS; slot++) {
      rmfork_guest_block& forged = block(slot);
      forged = {};
      forged.user = random() % 3;
      if (random() % 2) std::memset(forged.name, 'x', sizeof(forged.name));
      for (rmfork_guest_pin& pin : forged.pins) {
        if (random() % 4) continue;
        pin.meta_off = random() % 8 ? offs[random() % std::size(offs)] : random();
        pin.generation = random() % 8 ? generations[random() % std::size(generations)] : random();
      }
    }
    unload();
    ASSERT_EQ(load(), 0) << host_said;
    EXPECT_TRUE(sound(a) && sound(b));
    most = std::max(most, pool->sharing->nr_detained);
    EXPECT_LE(pool->sharing->nr_detained, 1u);
    rmfork_guest said = {};
    for (u32 slot = 0; (slot = ubmem_guest_next(pool.get(), slot, &said)) != 0;)
      EXPECT_LE(said.pins, u64{RMFORK_GUEST_PINS});
    // A guest without a uuid can be forgotten by that.
    while (ubmem_guest_forget(pool.get(), std::vector<u8>(RMFORK_UUID_BYTES).data()) == 0) {
    }
    EXPECT_EQ(ubmem_guest_count(pool.get()), 0u);
    EXPECT_EQ(pool->free_pages, left);
  }
  EXPECT_EQ(most, 1u);  // what was freed has been found by some
  for (u32 slot = 0; slot < RMFORK_GUEST_SLOTS; slot++) block(slot) = {};
  EXPECT_EQ(rmfork_free(pool.get(), a, 0), 0);
  EXPECT_EQ(rmfork_free(pool.get(), b, 0), 0);
  EXPECT_EQ(pool->free_pages, all);
}

// Whatever the owner's memory holds: a guest takes no page outside of the pool or of the pool's
// own, and what it did not take is nobody's.
TEST_F(Guests, BelieveNothingThatIsForged) {
  const u64 off = save(600);
  save(20);
  const u64 nothing_taken = guest->free_pages;
  const u64 pages[] = {0, off >> PAGE_SHIFT, find(off)->header.index_off >> PAGE_SHIFT,
                       find(off)->index.blocks[1], pool->snapshots->directory.blocks[0]};
  const std::vector<page> good = *backing_pages;
  const u64 words[] = {0,         1,
                       169,       170,
                       PAGE_SIZE, kPages,
                       off,       kPages << PAGE_SHIFT,
                       1UL << 63, pool->guests << PAGE_SHIFT,
                       ~0UL,      ~0UL << PAGE_SHIFT};
  std::mt19937_64 random(7);
  int seen = 0, refused = 0;
  for (int round = 0; round < 1500; round++) {
    for (int changes = 1 + static_cast<int>(random() % 2); changes; changes--) {
      page& p = (*backing_pages)[pages[random() % std::size(pages)]];
      reinterpret_cast<u64*>(p.data)[random() % 24] =
          random() % 2 ? words[random() % std::size(words)] : random() % kPages << PAGE_SHIFT;
    }
    auto* super = reinterpret_cast<rmfork_super*>((*backing_pages)[0].data);
    // Of the two the newer one.
    super->sequence |= 1UL << 40;
    super->sequence -= super->sequence % RMFORK_SUPERS;
    super->checksum = super_crc(*super);
    auto* header = reinterpret_cast<rmfork_snapshot_header*>((*backing_pages)[pages[1]].data);
    std::vector<rmfork_range> ranges;
    for (u64 i : {pages[2], pages[3]}) {
      auto* b = reinterpret_cast<rmfork_index_block*>((*backing_pages)[i].data);
      ranges.insert(ranges.end(), b->ranges,
                    b->ranges + std::min<u32>(b->count, RMFORK_INDEX_BLOCK_RANGES));
    }
    if (random() % 2)
      header->index_checksum = rmfork_crc(0, ranges.data(), ranges.size() * sizeof(rmfork_range));
    header->checksum = rmfork_header_crc(header);
    if (look(off) == 0) {
      seen++;
      const rmfork_index& index = looked_into[0]->index;
      for (u64 i = 0; i < index.nr; i++)
        for (u64 k = 0; k < index.ranges[i].nr_pages; k++)
          EXPECT_EQ(ubmem_kind_of(guest.get(), (index.ranges[i].data_off >> PAGE_SHIFT) + k),
                    UBMEM_DATA);
    } else {
      refused++;
    }
    drop();
    EXPECT_EQ(guest->free_pages, nothing_taken);
    for (u64 nr = 0; nr < kPages; nr++)
      if (nr != pool->guests) std::memcpy((*backing_pages)[nr].data, good[nr].data, PAGE_SIZE);
  }
  EXPECT_GT(seen, 0);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(look(off), 0) << host_said;
  drop();
}

}  // namespace
