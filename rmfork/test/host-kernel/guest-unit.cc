// SPDX-License-Identifier: GPL-2.0-only
//
// Two machines with one pool: what a guest takes from the owner's, and what its pins do to the
// owner.
#include <string>

#include "rmfork/test/host-kernel/guest-harness.h"

namespace {

TEST_F(Guests, SeeWhatTheOwnerSaved) {
  const u64 a = save(300), b = save(5), c = save(20, nullptr, find(b));
  for (u64 off : {a, b, c}) {
    ASSERT_EQ(look(off), 0) << host_said;
    const rmfork_snapshot *theirs = find(off), *ours = looked_into.back();
    ASSERT_EQ(ours->index.nr, theirs->index.nr);
    EXPECT_EQ(std::memcmp(ours->index.ranges, theirs->index.ranges,
                          ours->index.nr * sizeof(rmfork_range)),
              0);
    EXPECT_EQ(rmfork_snapshot_check(looked_into.back()), 0);
  }
  EXPECT_EQ(pins(), 3u);
  drop();
  EXPECT_EQ(pins(), 0u);
  EXPECT_EQ(guest->free_pages, kPages - RMFORK_SUPERS - RMFORK_GUEST_SLOTS);
  u64 generation = 0, snapshots = 0, off = 0;
  EXPECT_EQ(rmfork_guest_count(guest.get(), &generation, &snapshots), 0);
  EXPECT_EQ(generation, pool->generation);
  EXPECT_EQ(snapshots, 3u);
  rmfork_snapshot_header header = {};
  std::vector<u64> listed;
  while (rmfork_guest_next(guest.get(), header.generation, &header, &off) == 0)
    listed.push_back(off);
  EXPECT_EQ(listed, (std::vector<u64>{a, b, c}));
}

TEST_F(Guests, WriteToNothingButTheirBlock) {
  const u64 off = save(200);
  const std::vector<page> before = *backing_pages;
  ASSERT_EQ(look(off), 0);
  drop();
  leave(guest);
  for (u64 nr = 0; nr < kPages; nr++) {
    if (nr == pool->guests) continue;
    EXPECT_EQ(std::memcmp(before[nr].data, (*backing_pages)[nr].data, PAGE_SIZE), 0) << nr;
  }
  EXPECT_EQ(ubmem_guest_count(pool.get()), 0u);
}

TEST_F(Guests, SeeNothingThatIsNotCommitted) {
  rmfork_session owner;
  open(owner);
  const u64 off = save(10, &owner);
  EXPECT_EQ(look(off), -ENOENT);
  EXPECT_EQ(rmfork_commit_owned(&owner), 0);
  EXPECT_EQ(look(off), 0);
  drop();
  for (u64 wrong : {u64{0}, off + 8, kPages << PAGE_SHIFT, ~u64{0}, pool->guests << PAGE_SHIFT})
    EXPECT_EQ(look(wrong), -ENOENT) << wrong;
}

TEST_F(Guests, KeepThePagesOfWhatIsFreed) {
  const u64 all = pool->free_pages, off = save(300), left = pool->free_pages;
  ASSERT_EQ(look(off), 0);
  count_of(looked_into[0], 7) = 2;
  drop();
  EXPECT_EQ(pins(), 1u);
  const std::vector<page> before = *backing_pages;
  count_of(find(off), 7) = 1;  // the owner does not see it
  EXPECT_EQ(rmfork_free(pool.get(), off, 0), 0);
  EXPECT_EQ(pool->free_pages, left);
  EXPECT_EQ(pool->sharing->nr_detained, 1u);
  EXPECT_EQ(look(off), -ENOENT);
  // The owner fills all the room it has.
  u64 nr, got;
  std::vector<u64> taken;
  while (ubmem_alloc_run(pool.get(), UBMEM_DATA, 1, &nr, &got) == 0) {
    std::memset((*backing_pages)[nr].data, 0xee, PAGE_SIZE);
    taken.push_back(nr);
  }
  rmfork_snapshot* ours = nullptr;
  list_for_each_entry(ours, &guest->snapshots->list, node) {
    for (u64 i = 0; i < ours->index.nr; i++) {
      nr = ours->index.ranges[i].data_off >> PAGE_SHIFT;
      EXPECT_EQ(std::memcmp(before[nr].data, (*backing_pages)[nr].data, PAGE_SIZE), 0);
    }
  }
  // The task has gone: with the next want of room it is there.
  drop();
  EXPECT_EQ(ubmem_alloc_run(pool.get(), UBMEM_DATA, 1, &nr, &got), 0);
  taken.push_back(nr);
  for (u64 one : taken) ubmem_put_run(pool.get(), one, 1);
  EXPECT_EQ(pool->free_pages, all);
  EXPECT_EQ(pool->sharing->nr_detained, 0u);
}

TEST_F(Guests, ATaskThatMapsPagesPinsTheirModule) {
  const u64 off = save(10);
  ASSERT_EQ(look(off), 0);
  int& mapped = count_of(looked_into[0], 3);
  mapped = 2;
  ubmem_note_mapped(guest.get());
  EXPECT_EQ(host_module_pins, 1);
  drop();
  guest->reclaim.fn(&guest->reclaim.work);
  EXPECT_EQ(host_module_pins, 1);
  EXPECT_EQ(pins(), 1u);
  mapped = 1;
  guest->reclaim.fn(&guest->reclaim.work);
  EXPECT_EQ(host_module_pins, 0);
  EXPECT_EQ(pins(), 0u);
}

// The work looks while a snapshot is in use, and nothing of it is mapped any more when its user
// goes: nobody but the work comes back to it.
TEST_F(Guests, WatchUntilTheLastPinIsDropped) {
  ASSERT_EQ(look(save(10)), 0);
  ubmem_note_mapped(guest.get());
  for (int left : {1, 0}) {
    ASSERT_TRUE(guest->reclaim.scheduled);
    guest->reclaim.scheduled = false;
    guest->reclaim.fn(&guest->reclaim.work);
    EXPECT_EQ(pins(), static_cast<u64>(left));
    EXPECT_EQ(host_module_pins, left);
    if (left) rmfork_snapshot_put(looked_into[0]);
  }
  EXPECT_FALSE(guest->reclaim.scheduled);
}

// The owner frees between a guest's pin and its second look; and a guest comes between the owner's
// retraction and its look at the pins. In neither order does a guest get what the owner reuses.
TEST_F(Guests, APinMeetsAFree) {
  const u64 all = pool->free_pages, a = save(10);
  const u64 b = save(10);
  meanwhile = [&] { EXPECT_EQ(rmfork_free(pool.get(), a, 0), 0); };
  EXPECT_EQ(look(a), -ENOENT);
  EXPECT_FALSE(meanwhile);
  EXPECT_EQ(pins(), 0u);
  meanwhile = [&] { EXPECT_EQ(look(b), -ENOENT); };
  EXPECT_EQ(rmfork_free(pool.get(), b, 0), 0);
  EXPECT_FALSE(meanwhile);
  ubmem_reclaim(pool.get());
  EXPECT_EQ(pool->free_pages, all);
  // With another snapshot in its place by then.
  const u64 c = save(10);
  u64 d = 0;
  meanwhile = [&] {
    EXPECT_EQ(rmfork_free(pool.get(), c, 0), 0);
    d = save(10);
  };
  EXPECT_EQ(look(c), -ENOENT);
  EXPECT_NE(d, c);
}

// The owner frees, and uses the page of the header for something else, between a guest's look at
// the directory and its look at the header.
TEST_F(Guests, TakeWhatIsFreedMeanwhileForNoDamage) {
  const u64 a = save(10), b = save(10);
  host_said[0] = 0;
  read_page = a >> PAGE_SHIFT;
  before_read = [&] {
    EXPECT_EQ(rmfork_free(pool.get(), a, 0), 0);
    std::memset((*backing_pages)[a >> PAGE_SHIFT].data, 0xee, PAGE_SIZE);
  };
  EXPECT_EQ(look(a), -ENOENT);
  EXPECT_FALSE(before_read);
  EXPECT_STREQ(host_said, "");
  // It stays damaged.
  (*backing_pages)[b >> PAGE_SHIFT].data[40] ^= 1;
  EXPECT_EQ(look(b), -EBADMSG);
  EXPECT_NE(std::string(host_said).find("the checksum of a header"), std::string::npos);
  (*backing_pages)[b >> PAGE_SHIFT].data[40] ^= 1;
  EXPECT_EQ(look(b), 0);
  EXPECT_EQ(rmfork_header_check(looked_into[0]), 0);
  EXPECT_EQ(rmfork_free(pool.get(), b, 0), 0);
  EXPECT_EQ(rmfork_header_check(looked_into[0]), -ENOENT);
  EXPECT_EQ(rmfork_snapshot_check(looked_into[0]), -ENOENT);
  drop();
}

TEST_F(Guests, AreRespectedByTheNextOwner) {
  const u64 all = pool->free_pages, freed = save(40), stays = save(20, nullptr, find(freed));
  ASSERT_EQ(look(freed), 0);
  ASSERT_EQ(look(stays), 0);
  EXPECT_EQ(rmfork_free(pool.get(), freed, 0), 0);
  const auto before = uses();
  for (int round = 0; round < 2; round++) {
    unload();
    ASSERT_EQ(load(), 0) << host_said;
    EXPECT_EQ(uses(), before);
    EXPECT_EQ(pool->sharing->nr_detained, 1u);
    EXPECT_EQ(pool->snapshots->nr, 1u);
    EXPECT_EQ(find(freed), nullptr);
  }
  EXPECT_EQ(rmfork_free(pool.get(), stays, 0), 0);
  EXPECT_EQ(pool->sharing->nr_detained, 2u);
  drop();
  ubmem_reclaim(pool.get());
  EXPECT_EQ(pool->free_pages, all);
}

// Whichever allocation fails: it is said, nothing is lost, and the next try finds all that there
// is.
TEST_F(Guests, AreNotForgottenForWantOfMemory) {
  const u64 freed = save(400), stays = save(20);
  ASSERT_EQ(look(freed), 0);
  EXPECT_EQ(rmfork_free(pool.get(), freed, 0), 0);
  const auto before = uses();
  unload();
  int refused = 0;
  for (unsigned long which = 1;; which++, refused++) {
    host_failing = which;
    const int ret = load();
    if (std::exchange(host_failing, 0)) {
      ASSERT_EQ(ret, 0) << host_said;
      break;
    }
    ASSERT_EQ(ret, -ENOMEM) << "allocation " << which;
    EXPECT_STREQ(host_said, "");
  }
  EXPECT_GT(refused, 15);
  EXPECT_EQ(pool->sharing->nr_detained, 1u);
  EXPECT_EQ(uses(), before);
  drop();
  // And the same where a guest looks into a snapshot.
  const u64 nothing_taken = guest->free_pages;
  for (unsigned long which = 1;; which++) {
    host_failing = which;
    const long ret = look(stays);
    if (std::exchange(host_failing, 0)) {
      EXPECT_EQ(ret, 0) << host_said;
      break;
    }
    EXPECT_EQ(ret, -ENOMEM) << "allocation " << which;
    EXPECT_EQ(guest->free_pages, nothing_taken);
    EXPECT_EQ(pins(), 0u);
  }
  EXPECT_STREQ(host_said, "");
  drop();
}

// A pin that has just been dropped leads to pages that are somebody else's by now.
TEST_F(Guests, AreNotDamageWhenTheyDropPins) {
  const u64 freed = save(400), index = find(freed)->header.index_off;
  rmfork_guest_pin& pin = block(0).pins[0];
  pin = {freed, find(freed)->header.generation};
  EXPECT_EQ(rmfork_free(pool.get(), freed, 0), 0);
  const auto any = [](page& reused) { reused.data[40] ^= 1; };
  const auto other_index = [&](page& reused) {
    reinterpret_cast<rmfork_index_block*>(reused.data)->ranges[5].data_off = index;
  };
  const std::pair<u64, std::function<void(page&)>> uses[] = {
      {freed, any}, {index, any}, {index, other_index}};
  for (const auto& [off, use] : uses) {
    unload();
    const page was = (*kept_pages)[off >> PAGE_SHIFT];
    use((*kept_pages)[off >> PAGE_SHIFT]);
    ASSERT_EQ(load(), 0);
    EXPECT_EQ(pool->sharing->nr_detained, 0u);
    EXPECT_EQ(std::string(host_said).find("damaged"), std::string::npos) << host_said;
    EXPECT_NE(std::string(host_said).find("not heeded"), std::string::npos) << host_said;
    (*backing_pages)[off >> PAGE_SHIFT] = was;
  }
  // It is dropped while the new owner looks where it leads.
  unload();
  std::vector<page>& pages = *kept_pages;
  pages[freed >> PAGE_SHIFT].data[40] ^= 1;
  const u64 table = reinterpret_cast<rmfork_super*>(pages[0].data)->guests_off >> PAGE_SHIFT;
  read_page = freed >> PAGE_SHIFT;
  before_read = [&] {
    reinterpret_cast<rmfork_guest_block*>(pages[table].data)->pins[0].meta_off = 0;
  };
  ASSERT_EQ(load(), 0);
  EXPECT_FALSE(before_read);
  EXPECT_STREQ(host_said, "");
}

TEST_F(Guests, GoOnWithoutAnOwner) {
  const u64 off = save(10);
  unload();
  backing_pages = kept_pages;
  ASSERT_EQ(look(off), 0) << host_said;
  drop();
  backing_pages = nullptr;
  ASSERT_EQ(load(), 0);
}

TEST_F(Guests, ThatAreGoneAreForgotten) {
  const u64 stays = save(5), all = pool->free_pages, off = save(10);
  ASSERT_EQ(look(off), 0);
  ASSERT_EQ(look(stays), 0);
  EXPECT_EQ(rmfork_free(pool.get(), off, 0), 0);
  u8 uuid[RMFORK_UUID_BYTES];
  std::memcpy(uuid, guest->sharing->guest_uuid, sizeof(uuid));
  uuid[3] ^= 1;
  EXPECT_EQ(ubmem_guest_forget(pool.get(), uuid), -ENOENT);
  EXPECT_NE(pool->free_pages, all);
  uuid[3] ^= 1;
  EXPECT_EQ(ubmem_guest_forget(pool.get(), uuid), 0);
  EXPECT_EQ(pool->free_pages, all);
  EXPECT_EQ(ubmem_guest_count(pool.get()), 0u);
  // It was not gone after all: it gets nothing more, also of what it knows, and does not touch what
  // is somebody else's now.
  EXPECT_EQ(look(stays), -ESTALE);
  EXPECT_EQ(look(off), -ESTALE);
  EXPECT_EQ(rmfork_guest_check(guest.get()), -ESTALE);
  rmfork_snapshot_header header = {};
  u64 at = 0;
  EXPECT_EQ(rmfork_guest_next(guest.get(), 0, &header, &at), -ESTALE);
  EXPECT_EQ(look(save(10)), -ESTALE);
  auto other = attach();
  // With a pin where the first had one, and one that it did not take.
  block(0).pins[0] = {stays + PAGE_SIZE, 5};
  block(0).pins[9] = {stays, 6};
  const std::vector<page> before = *backing_pages;
  drop();
  leave(guest);
  EXPECT_EQ(std::memcmp(before[pool->guests].data, (*backing_pages)[pool->guests].data, PAGE_SIZE),
            0);
  leave(other);
}

// The owner is wrong to forget a guest that is just taking a pin or dropping it, and another one
// comes.
TEST_F(Guests, DoNotTouchThePinsOfTheNext) {
  const u64 off = save(10), other_off = save(10);
  std::unique_ptr<ubmem> other;
  u8 uuid[RMFORK_UUID_BYTES] = {};
  const auto replace = [&] {
    ASSERT_EQ(ubmem_guest_forget(pool.get(), uuid), 0);
    other = attach();
    rmfork_snapshot* s = rmfork_guest_get(other.get(), other_off);
    ASSERT_FALSE(IS_ERR(s));
    rmfork_snapshot_put(s);
  };
  const auto check = [&] {
    ASSERT_TRUE(other);
    EXPECT_EQ(block(0).user, other->user);
    EXPECT_EQ(block(0).pins[0].meta_off, other_off);
    EXPECT_EQ(block(0).pins[0].generation, find(other_off)->header.generation);
    leave(other);
    EXPECT_EQ(ubmem_guest_count(pool.get()), 0u);
  };
  const auto known_as = [&] { std::memcpy(uuid, guest->sharing->guest_uuid, sizeof(uuid)); };
  known_as();
  meanwhile = replace;  // the pin is taken
  EXPECT_EQ(look(off), -ESTALE);
  check();
  leave(guest);
  guest = attach();
  known_as();
  ASSERT_EQ(look(off), 0);
  meanwhile = replace;  // the pin is dropped
  drop();
  EXPECT_FALSE(meanwhile);
  check();
  leave(guest);
  guest = attach();
  std::memset(uuid, 0, sizeof(uuid));
  meanwhile = replace;  // it goes, and has no name any more
  leave(guest);
  EXPECT_FALSE(meanwhile);
  check();
}

TEST_F(Guests, AreAsManyAsThereAreBlocks) {
  std::vector<std::unique_ptr<ubmem>> others;
  for (int i = 1; i < RMFORK_GUEST_SLOTS; i++) others.push_back(attach());
  EXPECT_EQ(ubmem_guest_count(pool.get()), u32{RMFORK_GUEST_SLOTS});
  EXPECT_FALSE(attach(-EBUSY));
  EXPECT_STRNE(host_said, "");
  leave(others[3]);
  others[3] = attach();
  EXPECT_TRUE(others[3]);
  for (auto& other : others) leave(other);
}

TEST_F(Guests, HaveAsManyPinsAsThereIsRoomFor) {
  std::vector<u64> all;
  for (int i = 0; i < RMFORK_GUEST_PINS + 1; i++) all.push_back(save(0));
  for (int i = 0; i < RMFORK_GUEST_PINS; i++) ASSERT_EQ(look(all[i]), 0);
  EXPECT_EQ(look(all.back()), -ENOSPC);
  EXPECT_EQ(look(all[0]), 0);
  drop();
  EXPECT_EQ(look(all.back()), 0);
  drop();
}

TEST_F(Guests, KeepTheirPoolFromBeingMadeAnew) {
  unload();
  EXPECT_EQ(load(true), -EBUSY);
  EXPECT_NE(std::string(host_said).find("other machines use ubmem"), std::string::npos);
  EXPECT_EQ(load(true, true), 0);
  EXPECT_EQ(look(PAGE_SIZE), -ESTALE);
}

// QUERY comes before everything else, also before what a guest does without the pool.
TEST_F(Guests, AreToldOfThemselvesWhenThePoolIsGone) {
  const u64 off = save(3);
  struct rmfork_query said = {};
  struct rmfork_info info = {};
  u64 cursor = 0;
  const rmfork_kargs query = {RMFORK_OP_QUERY, 0, reinterpret_cast<u64>(&said), 0, 0, sizeof(said)};
  const rmfork_kargs list = {RMFORK_OP_LIST, 0, reinterpret_cast<u64>(&info), 0, 0, sizeof(info)};
  EXPECT_EQ(rmfork_query(guest.get(), &query), 0);
  EXPECT_EQ(said.snapshots, 1u);
  EXPECT_EQ(said.generation, pool->generation);
  EXPECT_EQ(rmfork_list(guest.get(), &list, &cursor), 1);
  EXPECT_EQ(info.meta_off, off);
  const auto knows_itself = [&](long listing) {
    said = {};
    EXPECT_EQ(rmfork_query(guest.get(), &query), 0);
    EXPECT_EQ(said.role, u32{RMFORK_ROLE_GUEST});
    EXPECT_EQ(std::memcmp(said.guest_uuid, guest->sharing->guest_uuid, sizeof(said.guest_uuid)), 0);
    EXPECT_EQ(std::memcmp(said.pool_uuid, guest->uuid, sizeof(said.pool_uuid)), 0);
    EXPECT_TRUE(said.features & RMFORK_FEAT_LAZY);
    EXPECT_EQ(said.snapshots + said.generation, 0u);
    EXPECT_EQ(rmfork_list(guest.get(), &list, &cursor), listing);
  };
  char& magic = (*backing_pages)[pool->snapshots->directory.blocks[0]].data[0];
  magic ^= 1;
  knows_itself(-EBADMSG);
  magic ^= 1;
  unload();
  ASSERT_EQ(load(true, true), 0);
  save(3);
  knows_itself(-ESTALE);
}

}  // namespace
