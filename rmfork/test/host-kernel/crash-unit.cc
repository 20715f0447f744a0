// SPDX-License-Identifier: GPL-2.0-only
//
// A machine that goes down in the middle of an update of a kept pool, at any store: whoever finds
// the pool has what was there before or what is there afterwards.
//
// Each store of an update is noted, with the barrier by which it is in memory, if ever: it has to
// be flushed from the caches before that. For each instant pools are made in which is what must be
// in memory by then, and of what may be, all, nothing, and for each line of the cache as much as
// chance will have; and those pools are adopted.
#include <algorithm>
#include <map>
#include <random>
#include <string>

#include "rmfork/test/host-kernel/module-harness.h"

namespace {

constexpr std::size_t kWord = 8, kLine = 64, kNever = ~std::size_t{0};
constexpr int kSamples = 4;  // of what the caches may have lost

struct Store {
  u64 nr;
  std::size_t at;
  std::string bytes;
  bool flushed = false;
  std::size_t safe_at = kNever;  // the number of stores that came before the barrier

  std::pair<u64, std::size_t> line() const { return {nr, at / kLine}; }
};

class Stores : public StoreLog {
 public:
  void stored(const char* at, std::size_t len) override {
    const char* const first = reinterpret_cast<const char*>(backing_pages->data());
    if (at < first ||
        at >= reinterpret_cast<const char*>(backing_pages->data() + backing_pages->size()))
      return;
    const u64 nr = static_cast<u64>(at - first) / sizeof(page);
    const std::size_t begin = static_cast<std::size_t>(at - (*backing_pages)[nr].data);
    // A copy may be cut off anywhere; of the larger ones nothing can be seen before they are
    // complete.
    const std::size_t piece = len > 4 * kLine ? kLine : kWord;
    for (std::size_t i = 0; i < len; i += piece)
      all.push_back({nr, begin + i, std::string(at + i, std::min(piece, len - i))});
  }
  void flushed(const char* at, std::size_t len) override {
    for (Store& store : all) {
      const char* const where = (*backing_pages)[store.nr].data + store.at;
      // By lines of the cache.
      if (where + store.bytes.size() > at - offset_in_line(at) && where < at + len)
        store.flushed = true;
    }
  }
  void persisted() override {
    for (Store& store : all)
      if (store.flushed && store.safe_at == kNever) store.safe_at = all.size();
  }

  std::vector<Store> all;

 private:
  static std::size_t offset_in_line(const char* at) {
    return reinterpret_cast<std::uintptr_t>(at) % kLine;
  }
};

void apply(const Store& store, std::vector<page>& pages) {
  std::memcpy(pages[store.nr].data + store.at, store.bytes.data(), store.bytes.size());
}

struct Crash : testing::Test {
  std::unique_ptr<ubmem> pool;
  u64 nr_pages = 64;
  std::mt19937_64 random{11};

  void SetUp() override {
    host_module_pins = 0;
    ubmem_sums = true;
  }
  void TearDown() override {
    unload();
    delete std::exchange(kept_pages, nullptr);
    EXPECT_EQ(host_module_pins, 0);
  }

  int load(unsigned int how = 0) {
    host_said[0] = 0;
    pool = std::make_unique<ubmem>();
    pool->backing = &kKeptBacking;
    pool->nr_pages = nr_pages;
    const int ret = rmfork_open(pool.get(), how);
    if (ret) pool.reset();
    return ret;
  }
  void unload() {
    if (pool) rmfork_close(pool.get());
    pool.reset();
  }

  u64 save(u64 n, rmfork_session* owner = nullptr) {
    rmfork_snapshot* s = rmfork_snapshot_begin(pool.get(), 1);
    EXPECT_FALSE(IS_ERR(s));
    for (u64 i = 0, nr = 0, got = 0; i < n; i++) {
      EXPECT_EQ(ubmem_alloc_run(pool.get(), UBMEM_DATA, 1, &nr, &got), 0);
      const std::string text(PAGE_SIZE, static_cast<char>('a' + s->header.generation % 26));
      ubmem_write(pool.get(), nr << PAGE_SHIFT, text.data(), text.size());
      EXPECT_EQ(rmfork_index_append(&s->index, 0x10000 + 2 * i * PAGE_SIZE, 1, nr << PAGE_SHIFT),
                0);
    }
    EXPECT_EQ(rmfork_index_store(s), 0);
    EXPECT_EQ(rmfork_sums_store(s), 0);
    EXPECT_EQ(rmfork_snapshot_publish(s, owner), 0);
    return s->meta_off;
  }
  void free_one(u64 off) { EXPECT_EQ(rmfork_free(pool.get(), off, 0), 0); }

  static std::string contents(const rmfork_snapshot* s) {
    std::string all = std::to_string(s->meta_off) + ":" + std::to_string(s->header.generation);
    for (u64 i = 0; i < s->index.nr; i++) {
      const rmfork_range& range = s->index.ranges[i];
      all += " " + std::to_string(range.vaddr) + "=" +
             (*backing_pages)[range.data_off >> PAGE_SHIFT].data[77];
    }
    return all + "\n";
  }

  // A guest has a snapshot in use, or (0) none any more.
  void pin(u64 off) {
    auto* block = reinterpret_cast<rmfork_guest_block*>((*backing_pages)[pool->guests].data);
    block->user = off ? 7 : 0;
    block->pins[0] = {off, off ? pool->generation : 0};
  }

  // What is saved, and what its pages hold; and what is kept for guests.
  std::string state() {
    std::string all;
    const rmfork_snapshot* kept;
    list_for_each_entry(kept, &pool->sharing->detained, node) {
      all += "kept " + contents(kept);
      // By this the guest knows that it is freed, and gives it to nobody any more.
      EXPECT_EQ(ubmem_read_word(pool.get(), kept->meta_off), 0u);
    }
    for (u64 generation = 0; rmfork_snapshot* s = rmfork_snapshot_next(pool.get(), generation);) {
      generation = s->header.generation;
      all += contents(s);
      EXPECT_EQ(rmfork_snapshot_check(s), 0);
      rmfork_damage damage = {};
      EXPECT_EQ(rmfork_sums_check_pages(s, &damage), 0);
      EXPECT_EQ(damage.pages, 0u) << all;
      EXPECT_LE(generation, pool->generation);
      rmfork_snapshot_put(s);
    }
    return all;
  }

  // What whoever comes next finds in the pool, and goes on using.
  std::string found(const std::vector<page>& pages) {
    kept_pages = new std::vector<page>(pages);
    const int ret = load(UBMEM_TAKE);
    EXPECT_EQ(ret, 0) << host_said;
    if (ret != 0) return "refused";
    const rmfork_kargs whole = {RMFORK_OP_VERIFY, 0, 0, 0, 0, 0};
    EXPECT_EQ(rmfork_verify(pool.get(), &whole), 0);
    const std::string before = state();
    const u64 free = pool->free_pages, off = save(1);
    unload();
    EXPECT_EQ(load(), 0) << host_said;
    EXPECT_EQ(rmfork_verify(pool.get(), &whole), 0);
    free_one(off);
    EXPECT_EQ(state(), before);
    EXPECT_GE(pool->free_pages, free);  // more, if the directory was just growing
    unload();
    delete std::exchange(kept_pages, nullptr);
    return before;
  }

  // What of the caches gets to memory when the machine goes down.
  enum class Caches { lost, saved, some };

  // What is in memory when the machine goes down before store number `instant`. A line of the cache
  // may get there at any time: with all that was stored in it by then.
  std::vector<page> remains(const std::vector<page>& before, const std::vector<Store>& stores,
                            std::size_t instant, Caches caches) {
    std::map<std::pair<u64, std::size_t>, std::size_t> there;  // of each line, before which store
    const auto gets_there = [&](std::size_t i) {
      if (stores[i].safe_at < instant || caches == Caches::saved) return true;
      if (caches == Caches::lost) return false;
      const auto [line, first] = there.try_emplace(stores[i].line(), 0);
      if (first) line->second = i + random() % (instant - i + 1);
      return i < line->second;
    };
    std::vector<page> pages = before;
    for (std::size_t i = 0; i < instant; i++)
      if (gets_there(i)) apply(stores[i], pages);
    return pages;
  }

  // The steps of `update` are done to the pool, if there is one, which is given up in the last or
  // afterwards.
  void goes_down_in(const std::vector<std::function<void()>>& update) {
    Stores stores;
    const auto image = [this] { return pool ? *backing_pages : *kept_pages; };
    std::vector<std::vector<page>> between = {image()};
    for (const auto& step : update) {
      store_log = &stores;
      step();
      store_log = nullptr;
      between.push_back(image());
    }
    unload();
    delete std::exchange(kept_pages, nullptr);
    // Nothing was written that is not noted, or that is not in memory in the end.
    std::vector<page> all = between.front();
    for (const Store& store : stores.all) {
      apply(store, all);
      EXPECT_NE(store.safe_at, kNever) << store.nr << " " << store.at;
    }
    for (u64 nr = 0; nr < nr_pages; nr++)
      ASSERT_EQ(std::memcmp(all[nr].data, between.back()[nr].data, PAGE_SIZE), 0) << nr;

    std::map<std::string, int> seen;
    for (const std::vector<page>& pages : between) seen[found(pages)] = 0;
    for (std::size_t instant = 0; instant <= stores.all.size(); instant++)
      for (int sample = 0; sample < 2 + kSamples; sample++) {
        const Caches caches = sample < 2 ? Caches{sample} : Caches::some;
        const std::string now = found(remains(between.front(), stores.all, instant, caches));
        ASSERT_TRUE(seen.count(now))
            << "before store " << instant << " of " << stores.all.size() << ":\n"
            << now;
        seen[now]++;
      }
    for (const auto& [state, times] : seen) EXPECT_GT(times, 0) << state;
    EXPECT_GT(stores.all.size(), 0u);
  }
};

TEST_F(Crash, ADumpIsThereOrNot) {
  ASSERT_EQ(load(), 0);
  save(2);
  goes_down_in({[&] { save(3); }});
}

TEST_F(Crash, ASnapshotIsFreedOrNot) {
  ASSERT_EQ(load(), 0);
  save(2);
  const u64 off = save(3);
  save(1);
  goes_down_in({[&] { free_one(off); }});
}

// What is freed is used again at once.
TEST_F(Crash, APageIsNotUsedAgainTooSoon) {
  ASSERT_EQ(load(), 0);
  const u64 off = save(3);
  save(0);
  goes_down_in({[&] { free_one(off); },
                [&] {
                  pool->hint = 0;
                  ASSERT_EQ(save(3), off);
                }});
}

// A guest has it in use: it is there, or is kept for the guest. Nobody else gets its pages.
TEST_F(Crash, WhatAGuestHasInUseIsKept) {
  ASSERT_EQ(load(), 0);
  const u64 off = save(3);
  pin(off);
  goes_down_in({[&] { free_one(off); },
                [&] {
                  pool->hint = 0;
                  ASSERT_NE(save(3), off);
                }});
}

TEST_F(Crash, WhatNoGuestHasInUseAnyMoreIsFree) {
  ASSERT_EQ(load(), 0);
  const u64 off = save(3);
  pin(off);
  free_one(off);
  pin(0);
  goes_down_in({[&] {
    pool->hint = 0;
    ASSERT_EQ(save(3), off);
  }});
}

TEST_F(Crash, ASessionIsCommittedOrNot) {
  ASSERT_EQ(load(), 0);
  save(1);
  rmfork_session session = {};
  session.ub = pool.get();
  INIT_LIST_HEAD(&session.snapshots);
  save(2, &session);
  goes_down_in({[&] { EXPECT_EQ(rmfork_commit_owned(&session), 0); }});
}

TEST_F(Crash, ADroppedSessionChangesNothing) {
  ASSERT_EQ(load(), 0);
  save(1);
  goes_down_in({[&] {
    rmfork_session session = {};
    session.ub = pool.get();
    INIT_LIST_HEAD(&session.snapshots);
    save(2, &session);
    save(1, &session);
    rmfork_free_owned(&session);
  }});
}

TEST_F(Crash, TheDirectoryGrowsAndShrinks) {
  nr_pages = 640;
  ASSERT_EQ(load(), 0);
  for (u64 i = 0; i < RMFORK_DIR_SLOTS; i++) save(0);
  const std::vector<page> full = *backing_pages;
  goes_down_in({[&] { save(0); }});
  kept_pages = new std::vector<page>(full);
  ASSERT_EQ(load(UBMEM_TAKE), 0);
  const u64 last = save(0);
  ASSERT_EQ(pool->snapshots->directory.nr, 2u);
  goes_down_in({[&] {
    free_one(last);
    EXPECT_EQ(pool->snapshots->directory.nr, 1u);
  }});
}

TEST_F(Crash, APoolIsMadeWhereNoneWas) {
  kept_pages = new std::vector<page>(nr_pages);
  goes_down_in({[&] { ASSERT_EQ(load(), 0); }});
}

TEST_F(Crash, APoolIsMadeAnewOrIsTheOldOne) {
  ASSERT_EQ(load(), 0);
  save(3);
  save(1);
  unload();
  goes_down_in({[&] { ASSERT_EQ(load(UBMEM_FORMAT), 0); }});
}

TEST_F(Crash, APoolIsFoundAndGivenUp) {
  ASSERT_EQ(load(), 0);
  save(3);
  unload();
  goes_down_in({[&] {
    ASSERT_EQ(load(), 0);
    unload();
  }});
}

// Also by one who goes down while it brings an update to its end that was interrupted before.
TEST_F(Crash, WhoFindsAPoolMayGoDownToo) {
  ASSERT_EQ(load(), 0);
  save(2);
  const u64 off = save(3);
  const std::vector<page> before = *backing_pages;
  Stores stores;
  store_log = &stores;
  free_one(off);
  store_log = nullptr;
  unload();
  delete std::exchange(kept_pages, nullptr);
  ASSERT_LT(stores.all.size(), 10u);
  for (std::size_t instant = 0; instant <= stores.all.size(); instant++) {
    kept_pages = new std::vector<page>(remains(before, stores.all, instant, Caches::saved));
    goes_down_in({[&] { ASSERT_EQ(load(UBMEM_TAKE), 0); }});
  }
}

// One of the two superblocks may be lost, whichever is the newer one; of both not. No number is
// given twice.
TEST_F(Crash, OneSuperblockIsEnough) {
  ASSERT_EQ(load(), 0);
  save(2);
  for (int round = 0; round < 2; round++) {
    save(1);
    const std::vector<page> good = *backing_pages;
    const std::string now = state();
    const u64 generation = pool->generation;
    unload();
    delete std::exchange(kept_pages, nullptr);
    for (u64 which = 0; which < RMFORK_SUPERS; which++)
      for (std::size_t at = which ? 0 : 12; at < sizeof(rmfork_super); at++) {
        // Whose the pool is, is a word by itself.
        if (at >= offsetof(rmfork_super, user) && at < offsetof(rmfork_super, guests_off)) continue;
        std::vector<page> pages = good;
        pages[which].data[at] ^= 0x21;
        ASSERT_EQ(found(pages), now) << which << " " << at;
        kept_pages = new std::vector<page>(pages);
        ASSERT_EQ(load(UBMEM_TAKE), 0);
        EXPECT_GE(pool->generation, generation);
        unload();
        (*kept_pages)[0].data[20] ^= 1;
        (*kept_pages)[1].data[20] ^= 1;
        EXPECT_EQ(load(UBMEM_TAKE), -EBADMSG);
        delete std::exchange(kept_pages, nullptr);
      }
    kept_pages = new std::vector<page>(good);
    ASSERT_EQ(load(UBMEM_TAKE), 0);
  }
}

}  // namespace
