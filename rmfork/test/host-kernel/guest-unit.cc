// SPDX-License-Identifier: GPL-2.0-only
//
// Two machines with one pool: what a guest takes from the owner's, what its pins do to the owner,
// and what neither believes of the other.
#include <random>
#include <string>

#include "rmfork/test/host-kernel/module-harness.h"

namespace {

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
  EXPECT_EQ(guest->free_pages, kPages - 1 - RMFORK_GUEST_SLOTS);
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

TEST_F(Owner, FollowsOneThatHasGone) {
  const u64 off = save(20);
  unload();
  ASSERT_EQ(load(), 0);
  EXPECT_TRUE(sound(off));
  save(5);
  EXPECT_EQ(rmfork_free(pool.get(), off, 0), 0);
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

TEST_F(Guests, NeedAPoolOfTheSameLayout) {
  leave(guest);
  unload();
  backing_pages = kept_pages;
  auto* super = reinterpret_cast<rmfork_super*>((*backing_pages)[0].data);
  const rmfork_super good = *super;
  super->layout_version = 1;
  EXPECT_FALSE(attach(-EBADMSG));
  EXPECT_NE(std::string(host_said).find("layout 1, and this module has layout 2"),
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
    super->checksum = rmfork_crc(0, super, offsetof(rmfork_super, checksum));
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
