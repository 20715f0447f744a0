// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "criu/mm/page-reads.h"
#include "criu/pie/page-reading.h"
#include "test/unit/support.h"

namespace criu::mm {
namespace {

using testing::HasSubstr;
using unit::error_of;

class PageReadsTest : public testing::Test {
 protected:
  // A file whose pages tell their numbers, and memory of as many pages.
  void make(uint64_t pages) {
    pages_ = pages;
    fd_ = UniqueFd(memfd_create("pages", MFD_CLOEXEC));
    std::vector<uint64_t> page(kPage / sizeof(uint64_t));
    for (uint64_t i = 0; i < pages; i++) {
      std::ranges::fill(page, i + 1);
      ASSERT_EQ(write(fd_.get(), page.data(), kPage), static_cast<ssize_t>(kPage));
    }
    void* p =
        mmap(nullptr, pages * kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ASSERT_NE(p, MAP_FAILED);
    at_ = static_cast<uint8_t*>(p);
  }
  ~PageReadsTest() override { munmap(at_, pages_ * kPage); }

  uint64_t address(uint64_t page) const { return reinterpret_cast<uint64_t>(at_ + page * kPage); }
  // 0 where the page has not one number all over.
  uint64_t number(uint64_t page) const {
    uint64_t first = 0;
    memcpy(&first, at_ + page * kPage, sizeof first);
    const bool is_whole =
        memcmp(at_ + page * kPage, at_ + page * kPage + sizeof first, kPage - sizeof first) == 0;
    return is_whole ? first : 0;
  }

  uint64_t pages_ = 0;
  UniqueFd fd_;
  uint8_t* at_ = nullptr;
};

TEST_F(PageReadsTest, FillsEachPageByAsManyThreads) {
  for (const uint64_t pages : {1, 31, 32, 77, 5000}) {
    make(pages);
    PageReads reads;
    reads.add(address(0), pages * kPage, 0);
    EXPECT_EQ(reads.pages(), pages);
    reads.read(fd_.get(), 4, "numbers");
    for (uint64_t i = 0; i < pages; i++) ASSERT_EQ(number(i), i + 1) << "of " << pages;
    munmap(at_, pages_ * kPage);
  }
  make(1);
}

// Single pages, pairs and holes, in the file the other way round.
TEST_F(PageReadsTest, ScattersAndGathers) {
  constexpr uint64_t kPages = 4500;
  make(kPages);
  PageReads reads;
  uint64_t calls = 0;
  for (uint64_t i = 0; i < kPages; i += 3) {
    reads.add(address(i), (1 + i % 2) * kPage, (kPages - i - 2) * kPage);
    calls++;
  }
  EXPECT_LE(reads.parts().size(), PageReads::most_entries(reads.pages(), calls));
  EXPECT_LE(reads.batches().size(), PageReads::most_entries(reads.pages(), calls));
  reads.read(fd_.get(), 3, "numbers");
  for (uint64_t i = 0; i < kPages; i += 3) {
    ASSERT_EQ(number(i), kPages - i - 1);
    ASSERT_EQ(number(i + 1), i % 2 == 1 ? kPages - i : 0);
    ASSERT_EQ(number(i + 2), 0u);
  }
}

TEST_F(PageReadsTest, BatchesAreNeitherTooLongNorTooMany) {
  PageReads reads;
  for (uint64_t i = 0; i < 3000; i++) reads.add(i * 2 * kPage, kPage, i * kPage);
  reads.add(1 << 30, 3000 * kPage, 3000 * kPage);
  uint64_t parts = 0, offset = 0;
  for (const pie::PageRead& batch : reads.batches()) {
    EXPECT_LE(batch.nr_iov, pie::kMaxIoVecs);
    EXPECT_EQ(batch.first_iov, parts);
    EXPECT_EQ(batch.offset, offset);
    for (uint64_t i = 0; i < batch.nr_iov; i++) offset += reads.parts()[parts++].size;
  }
  EXPECT_EQ(parts, reads.parts().size());
  EXPECT_EQ(offset, 6000 * kPage);
  EXPECT_EQ(reads.batches().size(), 6u);
}

TEST_F(PageReadsTest, ABufferOfAnySizeWillDo) {
  make(40);
  for (const uint64_t size : {kPage, 3 * kPage, 39 * kPage, 64 * kPage}) {
    memset(at_, 0, 40 * kPage);
    std::vector<uint8_t> buffer(size);
    pie::IoVec to[] = {{address(5), 7 * kPage}, {address(13), kPage}, {address(20), 20 * kPage}};
    pie::PageReading reading(fd_.get(), 2 * kPage, to, 3, buffer.data(), size);
    while (!reading.is_done()) ASSERT_GT(reading.go_on(), 0);
    EXPECT_EQ(number(5), 3u);
    EXPECT_EQ(number(11), 9u);
    EXPECT_EQ(number(12), 0u);
    EXPECT_EQ(number(13), 10u);
    EXPECT_EQ(number(20), 11u);
    EXPECT_EQ(number(39), 30u);
  }
}

TEST_F(PageReadsTest, AFileThatEndsTooEarlyIsTold) {
  make(64);
  ASSERT_EQ(ftruncate(fd_.get(), 50 * kPage + 8), 0);
  PageReads reads;
  reads.add(address(0), 64 * kPage, 0);
  EXPECT_EQ(error_of([&] { reads.read(fd_.get(), 1, "numbers"); }),
            "a pages image has become shorter");
}

TEST_F(PageReadsTest, MemoryThatCannotBeWrittenIsTold) {
  make(64);
  ASSERT_EQ(mprotect(at_ + 40 * kPage, kPage, PROT_READ), 0);
  PageReads reads;
  reads.add(address(0), 64 * kPage, 0);
  EXPECT_THAT(error_of([&] { reads.read(fd_.get(), 1, "numbers"); }),
              HasSubstr("cannot read numbers: Bad address"));
  EXPECT_EQ(number(39), 40u);
}

}  // namespace
}  // namespace criu::mm
