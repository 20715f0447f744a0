// SPDX-License-Identifier: GPL-2.0-only
//
// VERIFY, and the checksums of pages it goes by.
#include "rmfork/test/host-kernel/module-harness.h"

namespace {

struct Verify : Kept {
  // Pages with something in them, so many that their checksums need two blocks.
  static constexpr u64 kMany = RMFORK_SUM_BLOCK_SUMS + 100;

  rmfork_damage damage{};

  long verify(u64 off, ubmem* by = nullptr) {
    damage = {};
    const rmfork_kargs kargs = {RMFORK_OP_VERIFY, 0, reinterpret_cast<u64>(&damage), off, 0,
                                sizeof(damage)};
    const long ret = rmfork_verify(by ? by : pool.get(), &kargs);
    EXPECT_EQ(damage.what != RMFORK_DAMAGE_NONE, ret == -EBADMSG);
    return ret;
  }

  // What VERIFY finds when a byte is another.
  u32 with_damage_at(u64 off, u64 where, ubmem* by = nullptr) {
    char& byte = (*backing_pages)[where >> PAGE_SHIFT].data[offset_in_page(where)];
    byte ^= 4;
    verify(off, by);
    byte ^= 4;
    return damage.what;
  }
};

TEST_F(Verify, SaysWhatIsDamaged) {
  const u64 off = save(kMany), other = save(3);
  ASSERT_EQ(verify(off), 0);
  EXPECT_EQ(damage.checked, kMany);
  ASSERT_EQ(verify(0), 0);
  EXPECT_EQ(damage.checked, 0u);
  const rmfork_index& index = find(off)->index;
  ASSERT_EQ(index.nr_sum_blocks, 2u);
  const u64 data = index.ranges[7].data_off,
            directory = pool->snapshots->directory.blocks[0] << PAGE_SHIFT;
  EXPECT_EQ(with_damage_at(off, data + 4095), u32{RMFORK_DAMAGE_PAGES});
  EXPECT_EQ(damage.pages, 1u);
  EXPECT_EQ(damage.off, data);
  EXPECT_EQ(damage.vaddr, index.ranges[7].vaddr);
  for (u64 block : {0, 1})
    EXPECT_EQ(with_damage_at(off, (index.sum_blocks[block] << PAGE_SHIFT) + 100),
              u32{RMFORK_DAMAGE_SUMS});
  EXPECT_EQ(with_damage_at(off, (index.blocks[1] << PAGE_SHIFT) + 40), u32{RMFORK_DAMAGE_INDEX});
  EXPECT_EQ(with_damage_at(off, off + 40), u32{RMFORK_DAMAGE_HEADER});
  EXPECT_EQ(with_damage_at(other, off + 40), u32{RMFORK_DAMAGE_NONE});
  for (u64 which : {off, u64{0}}) {
    for (u64 at : {0, 8, 16, 24, 400, 4095})
      EXPECT_EQ(with_damage_at(which, directory + at), u32{RMFORK_DAMAGE_DIRECTORY}) << at;
    EXPECT_EQ(with_damage_at(which, 17), u32{RMFORK_DAMAGE_SUPER});
  }
  EXPECT_EQ(verify(PAGE_SIZE), -ENOENT);
}

TEST_F(Verify, KnowsTheDirectoryOfADumpUnderWay) {
  rmfork_session owner;
  open(owner);
  for (int i = 0; i < RMFORK_DIR_SLOTS + 3; i++) save(0, i % 2 ? &owner : nullptr);
  EXPECT_EQ(verify(0), 0);
  rmfork_free_owned(&owner);
  EXPECT_EQ(verify(0), 0);
  EXPECT_EQ(with_damage_at(0, (pool->snapshots->directory.blocks[1] << PAGE_SHIFT) + 20),
            u32{RMFORK_DAMAGE_DIRECTORY});
}

TEST_F(Verify, EndsWhenTheCallerIsKilled) {
  const u64 off = save(kMany);
  // Also when there would be something to say.
  (*backing_pages)[find(off)->index.ranges[0].data_off >> PAGE_SHIFT].data[0] ^= 1;
  host_killed = true;
  EXPECT_EQ(verify(off), -EINTR);
  EXPECT_EQ(verify(0), 0);
  host_killed = false;
  EXPECT_EQ(verify(off), -EBADMSG);
}

TEST_F(Verify, FindsChecksumsAgain) {
  const u64 free = pool->free_pages, off = save(kMany), shared = save(5, nullptr, find(off));
  unload();
  ASSERT_EQ(load(), 0) << host_said;
  const u64 data = find(shared)->index.ranges[2].data_off;
  EXPECT_EQ(verify(off), 0);
  EXPECT_EQ(damage.checked, kMany);
  for (u64 which : {off, shared}) EXPECT_EQ(with_damage_at(which, data), u32{RMFORK_DAMAGE_PAGES});
  EXPECT_EQ(rmfork_free(pool.get(), off, 0), 0);
  EXPECT_EQ(verify(shared), 0);
  EXPECT_EQ(rmfork_free(pool.get(), shared, 0), 0);
  EXPECT_EQ(pool->free_pages, free);
  for (u64 nr = 0; nr < kPages; nr++) EXPECT_EQ(pool->sums[nr], 0u) << nr;
}

TEST_F(Verify, DoesWithoutChecksums) {
  ubmem_sums = false;
  const u64 off = save(20);
  EXPECT_EQ(verify(off), 0);
  EXPECT_EQ(damage.checked, 0u);
  EXPECT_EQ(with_damage_at(off, find(off)->index.ranges[0].data_off), u32{RMFORK_DAMAGE_NONE});
  // What was stored without, and is used again by one with.
  ubmem_sums = true;
  const u64 later = save(20, nullptr, find(off));
  EXPECT_EQ(verify(later), 0);
  EXPECT_EQ(damage.checked, 20u);
  EXPECT_EQ(with_damage_at(later, find(off)->index.ranges[0].data_off), u32{RMFORK_DAMAGE_PAGES});
}

TEST_F(Verify, WorksInAGuest) {
  const u64 off = save(50);
  ubmem guest{};
  guest.backing = &kOtherBacking;
  guest.nr_pages = kPages;
  ASSERT_EQ(rmfork_open(&guest, UBMEM_ATTACH), 0) << host_said;
  EXPECT_EQ(verify(off, &guest), 0);
  EXPECT_EQ(damage.checked, 50u);
  EXPECT_EQ(verify(0, &guest), 0);
  rmfork_guest_tidy(&guest);
  (*backing_pages)[find(off)->index.ranges[9].data_off >> PAGE_SHIFT].data[5] ^= 1;
  EXPECT_EQ(verify(off, &guest), -EBADMSG);
  EXPECT_EQ(damage.what, u32{RMFORK_DAMAGE_PAGES});
  rmfork_guest_tidy(&guest);
  (*backing_pages)[find(off)->index.sum_blocks[0]].data[50] ^= 1;
  EXPECT_EQ(verify(off, &guest), -EBADMSG);
  rmfork_close(&guest);
}

// A guest does not get a snapshot that is damaged, and is told the first thing all the same.
TEST_F(Verify, SaysInAGuestWhatIsDamaged) {
  const u64 off = save(kMany);
  ubmem guest{};
  guest.backing = &kOtherBacking;
  guest.nr_pages = kPages;
  ASSERT_EQ(rmfork_open(&guest, UBMEM_ATTACH), 0) << host_said;
  const u64 index = find(off)->index.blocks[1] << PAGE_SHIFT;
  const u64 directory = pool->snapshots->directory.blocks[0] << PAGE_SHIFT;
  const std::pair<u64, u32> places[] = {{17, RMFORK_DAMAGE_SUPER},
                                        {directory, RMFORK_DAMAGE_DIRECTORY},
                                        {off + 40, RMFORK_DAMAGE_HEADER},
                                        {index + 40, RMFORK_DAMAGE_INDEX}};
  for (auto at = std::begin(places); at != std::end(places); at++) {
    EXPECT_EQ(with_damage_at(off, at->first, &guest), at->second);
    // Whatever else is damaged behind it.
    for (auto later = at + 1; later != std::end(places); later++) {
      char& byte = (*backing_pages)[later->first >> PAGE_SHIFT].data[offset_in_page(later->first)];
      byte ^= 4;
      EXPECT_EQ(with_damage_at(off, at->first, &guest), at->second);
      byte ^= 4;
    }
    EXPECT_EQ(verify(off, &guest), 0);
    rmfork_guest_tidy(&guest);
  }
  EXPECT_EQ(verify(off + PAGE_SIZE, &guest), -ENOENT);
  rmfork_close(&guest);
}

TEST_F(Verify, WantsAStructureOfAKnownSize) {
  char room[PAGE_SIZE + 1];
  for (u64 size : {u64{0}, u64{RMFORK_DAMAGE_SIZE_V1 - 1}, u64{sizeof(room)}}) {
    const rmfork_kargs kargs = {RMFORK_OP_VERIFY, 0, reinterpret_cast<u64>(room), 0, 0, size};
    EXPECT_EQ(rmfork_verify(pool.get(), &kargs), -EINVAL);
  }
  const rmfork_kargs nothing = {RMFORK_OP_VERIFY, 0, 0, 0, 0, 0};
  EXPECT_EQ(rmfork_verify(pool.get(), &nothing), 0);
}

}  // namespace
