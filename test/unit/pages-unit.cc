// SPDX-License-Identifier: GPL-2.0-only
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "criu/mm/page-dump.h"
#include "criu/mm/pages-image.h"
#include "criu/mm/task-pages.h"
#include "test/unit/support.h"

namespace criu::mm {

bool operator==(const PageRun& a, const PageRun& b) {
  return a.start == b.start && a.pages == b.pages;
}

namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using unit::error_of;

TEST(AppendRun, MergesWhatTouches) {
  std::vector<PageRun> runs;
  append_run(runs, 0x1000, 2);
  append_run(runs, 0x3000, 1);
  append_run(runs, 0x5000, 1);
  append_run(runs, 0x6000, 0);
  append_run(runs, 0x6000, 3);
  EXPECT_THAT(runs, ElementsAre(PageRun{0x1000, 3}, PageRun{0x5000, 4}));
  append_run(runs, 0x5000, 1);  // not behind the last: stays by itself
  EXPECT_EQ(runs.size(), 3u);
  EXPECT_EQ(runs[1].end(), 0x9000u);
  EXPECT_EQ(runs[1].bytes(), 4 * kPage);
}

// Each page filled with its own address.
void fill(std::span<const PageRun> runs, uint8_t* to) {
  for (const PageRun& run : runs)
    for (uint64_t at = run.start; at < run.end(); at += sizeof at, to += sizeof at)
      memcpy(to, &at, sizeof at);
}

class Pages : public testing::Test {
 protected:
  // Dumps the runs, reads them back, and expects each page in its place.
  void round_trip(const std::vector<PageRun>& runs) {
    uint64_t pages = 0;
    for (const PageRun& run : runs) pages += run.pages;
    std::atomic<uint64_t> largest{0}, batches{0};
    PagesIds ids;
    const uint64_t bytes = write_pages(
        dir_, image::Kind::kPagemap, 1, ids.next(), runs,
        [&](std::span<const PageRun> some, uint8_t* to) {
          uint64_t n = 0;
          for (const PageRun& run : some) n += run.pages;
          for (uint64_t old = largest; old < n;)
            if (largest.compare_exchange_weak(old, n)) break;
          batches++;
          fill(some, to);
        },
        4);
    EXPECT_EQ(bytes, pages * kPage);
    EXPECT_LE(largest, 128u);
    EXPECT_LE(batches, std::max<uint64_t>(5, (pages + 127) / 128));
    const PagesImage image(dir_, image::Kind::kPagemap, 1);
    EXPECT_EQ(image.runs(), runs);
    std::string wanted(bytes, 0);
    fill(runs, reinterpret_cast<uint8_t*>(wanted.data()));
    EXPECT_TRUE(temp_.read("pages-1.img") == wanted);
  }

  void write_pagemap(const std::vector<PageRun>& runs, uint64_t in_pages_image) const {
    image::Arena arena;
    image::Writer img(dir_, image::Kind::kPagemap, 1);
    auto* head = arena.make<PagemapHead>();
    head->pages_id = 1;
    img.write(head);
    for (const PageRun& run : runs) {
      auto* e = arena.make<PagemapEntry>();
      e->vaddr = run.start;
      CRIU_SET_OPTIONAL(e, nr_pages, run.pages);
      CRIU_SET_OPTIONAL(e, flags, 4);
      img.write(e);
    }
    img.close();
    temp_.write("pages-1.img", std::string(in_pages_image * kPage, 'x'));
  }
  std::string refusal(const std::vector<PageRun>& runs, uint64_t in_pages_image = 8) const {
    write_pagemap(runs, in_pages_image);
    return error_of([&] { PagesImage(dir_, image::Kind::kPagemap, 1); });
  }

  unit::TempDir temp_;
  image::Directory dir_{temp_.path()};
};

TEST_F(Pages, RoundTripInOneBatch) {
  round_trip({{0x1000, 1}, {0x7f0000000000, 5}});
}

TEST_F(Pages, RoundTripAtTheEdgesOfBatches) {
  round_trip({{0x1000, 127}, {0x100000, 1}});
  round_trip({{0x1000, 127}, {0x100000, 2}});
  round_trip({{0x1000, 128}, {0x100000, 128}});
  round_trip({{0x1000, 1}, {0x100000, 256}});
}

TEST_F(Pages, RoundTripByManyThreads) {
  std::vector<PageRun> runs;
  for (uint64_t i = 0; i < 300; i++) runs.push_back({0x10000000 * (i + 1), i % 50 + 1});
  round_trip(runs);
}

TEST_F(Pages, NoneAtAll) {
  round_trip({});
}

TEST_F(Pages, AFailingSourceFailsTheDump) {
  for (const uint64_t pages : {10ULL, 6000ULL}) {
    PagesIds ids;
    const std::vector<PageRun> runs = {{0x1000, pages}};
    EXPECT_EQ(
        error_of([&] {
          write_pages(
              dir_, image::Kind::kPagemap, 1, ids.next(), runs,
              [&](std::span<const PageRun> some, uint8_t* to) {
                if (some.front().start >= 0x1000 + (pages - 200) / 128 * 128 * kPage || pages < 128)
                  fail("the source is dry");
                fill(some, to);
              },
              4);
        }),
        "the source is dry");
  }
}

TEST_F(Pages, ATasksOwnPagesAreReadWhateverTheirProtection) {
  constexpr size_t kSize = 3 * kPage;
  auto* p = static_cast<uint8_t*>(
      mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  for (size_t i = 0; i < kSize; i++) p[i] = static_cast<uint8_t>(i / kPage + i);
  const std::vector<uint8_t> wanted(p, p + kSize);
  mprotect(p + kPage, kPage, PROT_NONE);
  const auto at = reinterpret_cast<uint64_t>(p);
  std::vector<uint8_t> got(kSize);
  const std::vector<PageRun> runs = {{at, 1}, {at + kPage, 2}};
  task_pages(getpid())(runs, got.data());
  EXPECT_EQ(got, wanted);
  munmap(p, kSize);
  EXPECT_THAT(error_of([&] { task_pages(getpid())(runs, got.data()); }),
              HasSubstr("cannot read 1 pages"));
}

// Whether the kernel keeps the page for this process alone (pagemap.rst, bit 56).
bool is_exclusive(const uint8_t* page) {
  constexpr uint64_t kExclusive = 1ULL << 56;
  uint64_t entry = 0;
  const UniqueFd fd = open_path("/proc/self/pagemap", O_RDONLY);
  const auto offset = static_cast<off_t>(reinterpret_cast<uint64_t>(page) / kPage * sizeof entry);
  EXPECT_EQ(pread(fd.get(), &entry, sizeof entry, offset), static_cast<ssize_t>(sizeof entry));
  return (entry & kExclusive) != 0;
}

TEST(TaskPages, WhatIsSharedSinceForkStaysShared) {
  constexpr size_t kPages = 6, kSize = kPages * kPage;
  auto* p = static_cast<uint8_t*>(
      mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  madvise(p, kSize, MADV_NOHUGEPAGE);
  for (size_t i = 0; i < kSize; i++) p[i] = static_cast<uint8_t>(i / kPage + i);
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  for (const size_t i : {0, 4}) p[i * kPage] = 0xff;  // this process's own from now on
  const auto at = reinterpret_cast<uint64_t>(p);
  const std::vector<PageRun> runs = {{at, 2}, {at + 2 * kPage, 4}};
  const std::vector<PageRun> shared = {{at + kPage, 3}, {at + 5 * kPage, 9}};
  std::vector<uint8_t> got(kSize);
  task_pages(getpid(), shared)(runs, got.data());
  EXPECT_EQ(got, std::vector<uint8_t>(p, p + kSize));
  for (const size_t i : {1, 2, 3, 5}) EXPECT_FALSE(is_exclusive(p + i * kPage)) << i;
  for (const size_t i : {0, 4}) EXPECT_TRUE(is_exclusive(p + i * kPage)) << i;
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  munmap(p, kSize);
}

TEST_F(Pages, ForgedRunsAreRefused) {
  EXPECT_EQ(refusal({{0x1000, 8}}), "no error");
  EXPECT_THAT(refusal({{0x1001, 1}}), HasSubstr("is impossible"));
  EXPECT_THAT(refusal({{0x1000, 0}}), HasSubstr("is impossible"));
  EXPECT_THAT(refusal({{0x3000, 1}, {0x1000, 1}}), HasSubstr("is impossible"));
  EXPECT_THAT(refusal({{0x1000, 2}, {0x2000, 1}}), HasSubstr("is impossible"));
  EXPECT_THAT(refusal({{0x1000, ~0ULL}}), HasSubstr("is impossible"));
  EXPECT_THAT(refusal({{0xfffffffffffff000, 2}}), HasSubstr("is impossible"));
  EXPECT_THAT(refusal({{0x7fffffffe000, 3}}), HasSubstr("is impossible"));
  EXPECT_THAT(refusal({{0x1000, 9}}), HasSubstr("pages-1.img is truncated: 9 pages are named"));
}

TEST_F(Pages, OfAParentImageAreRefused) {
  image::Arena arena;
  image::Writer img(dir_, image::Kind::kPagemap, 1);
  img.write(arena.make<PagemapHead>());
  auto* e = arena.make<PagemapEntry>();
  e->vaddr = 0x1000;
  CRIU_SET_OPTIONAL(e, nr_pages, 1);
  CRIU_SET_OPTIONAL(e, in_parent, 1);
  img.write(e);
  img.close();
  EXPECT_THAT(error_of([&] { PagesImage(dir_, image::Kind::kPagemap, 1); }),
              HasSubstr("parent image"));
}

// Whether who only reads memory is given the kernel's page of zeros, which counts for nobody: there
// are kernels that give a page of its own.
bool reads_page_of_zeros(const volatile uint8_t* p) {
  for (const Vma& v : read_vmas(getpid()))
    if (v.start == reinterpret_cast<uint64_t>(p)) return v.anonymous == 3 * kPage;
  return true;
}

TEST(PagemapScanner, FindsOwnPagesOnly) {
  constexpr size_t kPages = 16;
  auto* p = static_cast<volatile uint8_t*>(
      mmap(nullptr, kPages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  madvise(const_cast<uint8_t*>(p), kPages * kPage, MADV_NOHUGEPAGE);
  for (const size_t i : {2, 3, 9}) p[i * kPage] = 1;
  static_cast<void>(p[5 * kPage]);  // the kernel's page of zeros
  Vma v;
  v.start = reinterpret_cast<uint64_t>(p);
  v.end = v.start + kPages * kPage;
  v.prot = PROT_READ | PROT_WRITE;
  std::vector<PageRun> own = {{v.start + 2 * kPage, 2}, {v.start + 9 * kPage, 1}};
  if (!reads_page_of_zeros(p)) own.insert(own.begin() + 1, {v.start + 5 * kPage, 1});
  EXPECT_EQ(PagemapScanner(getpid()).private_pages(v), own);
  munmap(const_cast<uint8_t*>(p), kPages * kPage);
}

}  // namespace
}  // namespace criu::mm
