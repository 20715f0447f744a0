// SPDX-License-Identifier: GPL-2.0-only
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>

#include "criu/mm/aio-ring.h"
#include "test/unit/support.h"

namespace criu::mm {

namespace {

using testing::HasSubstr;
using unit::error_of;

AioHeader header(uint32_t nr) {
  return {0, nr, 0, 0, AioHeader::kMagic, 1, 0, sizeof(AioHeader)};
}

TEST(AioHeader, TellsHowLargeTheRingIs) {
  EXPECT_EQ(header(127).size(), kPage);
  EXPECT_EQ(header(128).size(), 2 * kPage);
  EXPECT_EQ(header(UINT32_MAX).size(), page_up((1ULL << 32) * AioHeader::kEvent));
}

TEST(AioHeader, IsNoneWithoutRoomOrMagicOrWithATailOutside) {
  EXPECT_EQ(header(0).size(), 0u);
  AioHeader other = header(127);
  other.magic++;
  EXPECT_EQ(other.size(), 0u);
  AioHeader outside = header(127);
  outside.tail = 127;
  EXPECT_EQ(outside.size(), 0u);
}

// What the kernel does with a number of requests, where there are few processors.
uint64_t ring_for(uint64_t requests) {
  return page_up(sizeof(AioHeader) + (2 * requests + 2) * AioHeader::kEvent);
}

TEST(AioRequests, AreTheLeastForARingOfThatSize) {
  EXPECT_EQ(requests_for(kPage), 1u);
  for (uint64_t pages = 2; pages < 1000; pages++) {
    const uint32_t n = requests_for(pages * kPage);
    EXPECT_EQ(ring_for(n), pages * kPage);
    EXPECT_LT(ring_for(n - 1), pages * kPage);
  }
}

class AioRingsOfAnImage : public testing::Test {
 protected:
  AioRingsOfAnImage() {
    vma_.start = 0x10000, vma_.end = 0x12000;
    vma_.status = kAreaRegular | kAreaAioRing;
    ring_.id = vma_.start, ring_.nr_req = 100, ring_.ring_len = 0x2000;
    mm_.n_vmas = 1, mm_.vmas = &vmas_;
    mm_.n_aios = 1, mm_.aios = rings_.data();
  }
  std::string error() {
    return error_of([this] { check_aio_rings(mm_, 7); });
  }

  VmaEntry vma_ = VMA_ENTRY__INIT;
  VmaEntry* vmas_ = &vma_;
  AioRingEntry ring_ = AIO_RING_ENTRY__INIT;
  std::array<AioRingEntry*, 2> rings_ = {&ring_, &ring_};
  MmEntry mm_ = MM_ENTRY__INIT;
};

TEST_F(AioRingsOfAnImage, HaveAMappingEach) {
  EXPECT_EQ(error(), "no error");
  mm_.n_aios = 2;
  EXPECT_THAT(error(), HasSubstr("2 AIO rings, and 1 mappings"));
  mm_.n_aios = 0;
  EXPECT_THAT(error(), HasSubstr("no AIO ring"));
}

TEST_F(AioRingsOfAnImage, AreAsLargeAsThat) {
  ring_.ring_len = 0x1000;
  EXPECT_THAT(error(), HasSubstr("as large as the mapping at 0x10000"));
}

TEST_F(AioRingsOfAnImage, HaveRoomForARequest) {
  ring_.nr_req = 0;
  EXPECT_THAT(error(), HasSubstr("no AIO ring"));
}

}  // namespace

}  // namespace criu::mm
