// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/inherited-memory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <deque>
#include <map>

#include "criu/mm/page-dump.h"
#include "test/unit/support.h"

namespace criu::mm {
namespace {

using testing::SizeIs;
using unit::error_of;

MATCHER_P3(Counted, compared, skipped, read, "") {
  return arg.compared == compared && arg.skipped == skipped && arg.read == read;
}

// Pages by their number from kBase on, each filled with one byte.
using Pages = std::map<uint64_t, uint8_t>;

class Inherited : public testing::Test {
 protected:
  // Far from where the kernel puts what asks for no place.
  static constexpr uint64_t kBase = 0x200000000000;
  static constexpr uint64_t kRoom = 1 << 16;  // pages

  void TearDown() override { munmap(reinterpret_cast<void*>(kBase), kRoom * kPage); }

  static uint64_t at(uint64_t page) { return kBase + page * kPage; }

  // Anonymous memory of pages [first, last).
  VmaEntry* mapping(uint64_t first, uint64_t last, uint32_t flags = 0) {
    vmas_.push_back(VMA_ENTRY__INIT);
    VmaEntry& v = vmas_.back();
    v.start = at(first), v.end = at(last);
    v.status = kAreaRegular | kAnonPrivate;
    v.flags = MAP_PRIVATE | MAP_ANONYMOUS | flags;
    return &v;
  }

  // A task with these mappings and pages in its image.
  size_t task(std::vector<VmaEntry*> vmas, const Pages& pages, std::vector<size_t> heirs = {}) {
    lists_.push_back(std::move(vmas));
    mms_.push_back(MM_ENTRY__INIT);
    mms_.back().vmas = lists_.back().data();
    mms_.back().n_vmas = lists_.back().size();
    std::vector<PageRun> runs;
    for (const auto& [page, byte] : pages) append_run(runs, at(page), 1);
    const auto id = tasks_.size() + 1;
    write_pages(
        dir_, image::Kind::kPagemap, id, ids_.next(), runs,
        [&](std::span<const PageRun> some, uint8_t* to) {
          for (const PageRun& run : some)
            for (uint64_t a = run.start; a < run.end(); a += kPage, to += kPage)
              memset(to, pages.at((a - kBase) / kPage), kPage);
        },
        1);
    images_.emplace_back(dir_, image::Kind::kPagemap, id);
    tasks_.push_back({&mms_.back(), &images_.back(), std::move(heirs)});
    return tasks_.size() - 1;
  }

  InheritedMemory memory() const { return {tasks_, dir_}; }
  InheritedMemory::Counts settle(InheritedMemory& m, size_t index) {
    return m.settle(index, dir_, [](uint32_t) -> UniqueFd { fail("no file is to be opened"); });
  }
  // The first byte of a page of a mapping whose memory is ready.
  static int byte(const InheritedMemory& m, const VmaEntry& v, uint64_t page_of_it) {
    const auto place = m.place(v);
    return place ? *reinterpret_cast<const uint8_t*>(*place + page_of_it * kPage) : -1;
  }
  static Pages many(uint64_t first, uint64_t last, uint8_t byte) {
    Pages pages;
    for (uint64_t i = first; i < last; i++) pages[i] = byte;
    return pages;
  }

  unit::TempDir temp_;
  image::Directory dir_{temp_.path()};
  PagesIds ids_;
  std::deque<VmaEntry> vmas_;
  std::deque<std::vector<VmaEntry*>> lists_;
  std::deque<MmEntry> mms_;
  std::deque<PagesImage> images_;
  std::vector<InheritedMemory::Task> tasks_;
};

TEST_F(Inherited, AnHeirFillsWhatIsDifferent) {
  VmaEntry* v = mapping(0, 8);
  VmaEntry* w = mapping(0, 8);
  task({v}, {{0, 'a'}, {1, 'b'}, {2, 'c'}}, {1});
  task({w}, {{0, 'a'}, {1, 'B'}, {4, 'd'}});
  InheritedMemory m = memory();
  EXPECT_THAT(m.for_heirs(0), SizeIs(1));
  EXPECT_THAT(m.for_heirs(1), SizeIs(0));

  InheritedMemory::Counts c = settle(m, 0);
  EXPECT_EQ(m.place(*v), at(0));
  EXPECT_EQ(byte(m, *v, 2), 'c');
  EXPECT_EQ(byte(m, *v, 4), 0);
  EXPECT_THAT(c, Counted(0u, 0u, 3u));

  c = settle(m, 1);
  EXPECT_EQ(m.place(*w), at(0));
  EXPECT_EQ(byte(m, *w, 0), 'a');
  EXPECT_EQ(byte(m, *w, 1), 'B');
  EXPECT_EQ(byte(m, *w, 2), 0);
  EXPECT_EQ(byte(m, *w, 4), 'd');
  EXPECT_THAT(c, Counted(2u, 1u, 2u));
}

TEST_F(Inherited, NothingIsDoneWithoutHeirsOrCommonPages) {
  task({mapping(0, 8)}, {{0, 'a'}}, {1, 2, 3});
  task({mapping(0, 8)}, {{1, 'a'}});                 // another page
  task({mapping(0, 8, MAP_GROWSDOWN)}, {{0, 'a'}});  // another kind
  task({mapping(8, 16)}, {{8, 'a'}});                // another place
  InheritedMemory m = memory();
  EXPECT_THAT(m.for_heirs(0), SizeIs(0));
  EXPECT_EQ(settle(m, 0).read, 0u);
  EXPECT_FALSE(m.place(vmas_[0]));
}

TEST_F(Inherited, ManyPagesOfWhichNoneAreAlikeAreFilledByEach) {
  VmaEntry* v = mapping(0, 4096);
  task({v}, many(0, 4096, 'a'), {1});
  task({mapping(0, 4096)}, many(0, 4096, 'b'));
  EXPECT_THAT(memory().for_heirs(0), SizeIs(0));
}

TEST_F(Inherited, ManyPagesOfWhichSomeAreAlikeAreInherited) {
  task({mapping(0, 4096)}, many(0, 4096, 'a'), {1});
  Pages pages = many(0, 4096, 'b');
  for (uint64_t i = 2000; i < 2500; i++) pages[i] = 'a';
  VmaEntry* w = mapping(0, 4096);
  task({w}, pages);
  InheritedMemory m = memory();
  EXPECT_EQ(settle(m, 0).read, 4096u);
  const InheritedMemory::Counts c = settle(m, 1);
  EXPECT_THAT(c, Counted(4096u, 500u, 3596u));
  EXPECT_EQ(byte(m, *w, 1999), 'b');
  EXPECT_EQ(byte(m, *w, 2499), 'a');
}

TEST_F(Inherited, ATaskMapsAsMuchAsThoseAfterItWant) {
  VmaEntry* v = mapping(4, 8);
  VmaEntry* grandchild = mapping(1, 12);
  task({v}, {{4, 'a'}}, {1});
  task({mapping(3, 8)}, {{4, 'a'}}, {2});
  task({grandchild}, {{4, 'a'}, {11, 'z'}});
  InheritedMemory m = memory();
  ASSERT_THAT(m.for_heirs(0), SizeIs(1));
  EXPECT_EQ(m.for_heirs(0)[0].start, at(1));
  EXPECT_EQ(m.for_heirs(0)[0].end, at(12));
  settle(m, 0);
  EXPECT_EQ(m.place(*v), at(4));
  settle(m, 1);
  EXPECT_EQ(settle(m, 2).skipped, 1u);
  EXPECT_EQ(byte(m, *grandchild, 10), 'z');
}

TEST_F(Inherited, ALineOfTasksMayBeVeryLong) {
  constexpr size_t kTasks = 100'000;
  task({mapping(0, 1)}, {{0, 'a'}});
  for (size_t i = 1; i < kTasks; i++) tasks_.push_back(tasks_.front());
  for (size_t i = 0; i + 1 < kTasks; i++) tasks_[i].heirs = {i + 1};
  const InheritedMemory m = memory();
  EXPECT_THAT(m.for_heirs(0), SizeIs(1));
  EXPECT_THAT(m.for_heirs(kTasks - 1), SizeIs(0));
}

TEST_F(Inherited, ButNotWhereItHasOtherMemoryInCommon) {
  VmaEntry* low = mapping(4, 8);
  VmaEntry* high = mapping(8, 12, MAP_NORESERVE);
  task({low, high}, {{4, 'a'}, {8, 'b'}}, {1, 2});
  VmaEntry* larger = mapping(4, 10);
  task({larger}, {{4, 'a'}, {9, 'x'}});
  task({mapping(8, 12, MAP_NORESERVE)}, {{8, 'b'}});
  InheritedMemory m = memory();
  ASSERT_THAT(m.for_heirs(0), SizeIs(2));
  EXPECT_EQ(m.for_heirs(0)[0].end, at(8));
  EXPECT_EQ(m.for_heirs(0)[1].start, at(8));
  settle(m, 0);
  EXPECT_EQ(byte(m, *high, 0), 'b');
  // What does not fit is the restorer's to map and fill.
  settle(m, 1);
  EXPECT_FALSE(m.place(*larger));
}

TEST_F(Inherited, NeighboursOfOneKindAreOne) {
  VmaEntry* w = mapping(0, 8);
  task({mapping(0, 4), mapping(4, 8)}, {{3, 'a'}, {4, 'b'}}, {1});
  task({w}, {{3, 'a'}, {4, 'b'}});
  InheritedMemory m = memory();
  EXPECT_THAT(m.for_heirs(0), SizeIs(1));
  settle(m, 0);
  EXPECT_EQ(settle(m, 1).skipped, 2u);
  EXPECT_EQ(byte(m, *w, 4), 'b');
}

TEST_F(Inherited, MemoryWhoseHomeIsTakenWaitsElsewhere) {
  VmaEntry* v = mapping(0, 8);
  VmaEntry* w = mapping(2, 8);
  task({v}, {{0, 'a'}, {7, 'b'}}, {1});
  task({w}, {{7, 'b'}});
  void* taken = mmap(reinterpret_cast<void*>(at(5)), kPage, PROT_READ,
                     MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  ASSERT_EQ(reinterpret_cast<uint64_t>(taken), at(5));
  InheritedMemory m = memory();
  settle(m, 0);
  const uint64_t place = m.place(*v).value_or(0);
  EXPECT_TRUE(place != 0 && (place + 8 * kPage <= at(0) || place >= at(8)));
  EXPECT_EQ(byte(m, *v, 7), 'b');
  EXPECT_EQ(settle(m, 1).skipped, 1u);
  EXPECT_EQ(m.place(*w), place + 2 * kPage);
}

TEST_F(Inherited, AFileThatCannotBeOpenedFailsTheRestore) {
  for (int i = 0; i < 2; i++) {
    VmaEntry* v = mapping(0, 4);
    v->status = kAreaRegular | kFilePrivate;
    v->flags = MAP_PRIVATE;
    v->shmid = 5;
    task({v}, {{1, 'a'}}, i == 0 ? std::vector<size_t>{1} : std::vector<size_t>{});
  }
  InheritedMemory m = memory();
  EXPECT_EQ(error_of([&] { settle(m, 0); }), "no file is to be opened");
}

TEST_F(Inherited, AMappingOfAnotherFileIsNotIt) {
  for (uint64_t i = 0; i < 3; i++) {
    VmaEntry* v = mapping(0, 4);
    v->status = kAreaRegular | kFilePrivate;
    v->flags = MAP_PRIVATE;
    v->shmid = i == 1 ? 6 : 5;
    v->pgoff = i == 2 ? kPage : 0;
    task({v}, {{1, 'a'}}, i == 0 ? std::vector<size_t>{1, 2} : std::vector<size_t>{});
  }
  EXPECT_THAT(memory().for_heirs(0), SizeIs(0));
}

}  // namespace
}  // namespace criu::mm
