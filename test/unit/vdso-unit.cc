// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/vdso.h"

#include <gtest/gtest.h>

namespace criu::mm {
namespace {

VmaEntry entry(uint64_t start, uint64_t end, uint32_t status) {
  VmaEntry e = VMA_ENTRY__INIT;
  e.start = start, e.end = end, e.status = status;
  return e;
}

Vma own(uint64_t start, uint64_t end, const char* name) {
  Vma v;
  v.start = start, v.end = end, v.name = name;
  return v;
}

const std::vector<Vma> kOwn = {own(0x1000, 0x2000, ""), own(0x10000, 0x14000, "[vvar]"),
                               own(0x14000, 0x16000, "[vvar_vclock]"),
                               own(0x16000, 0x18000, "[vdso]")};

std::optional<std::vector<VdsoMove>> match(std::vector<VmaEntry> entries) {
  std::vector<VmaEntry*> pointers;
  for (VmaEntry& e : entries) pointers.push_back(&e);
  return match_vdso(pointers, kOwn);
}

TEST(Vdso, AllPartsGoHomeTogether) {
  const auto moves = match({entry(0x50000, 0x54000, kAreaVvar), entry(0x54000, 0x56000, kAreaVvar),
                            entry(0x56000, 0x58000, kAreaVdso)});
  ASSERT_TRUE(moves);
  ASSERT_EQ(moves->size(), 3u);
  EXPECT_EQ((*moves)[0].to, 0x50000u);
  EXPECT_EQ((*moves)[2].to, 0x56000u);
}

TEST(Vdso, DataInOneMappingIsTheSame) {
  EXPECT_TRUE(match({entry(0x50000, 0x56000, kAreaVvar), entry(0x56000, 0x58000, kAreaVdso)}));
}

TEST(Vdso, DataThatTheImagesLeaveOutIsTheSame) {
  const auto moves =
      match({entry(0x50000, 0x54000, kAreaVvar), entry(0x56000, 0x58000, kAreaVdso)});
  ASSERT_TRUE(moves);
  EXPECT_EQ((*moves)[1].to, 0x54000u);
}

TEST(Vdso, AnotherSizeIsAnotherVdso) {
  EXPECT_FALSE(match({entry(0x50000, 0x56000, kAreaVvar), entry(0x56000, 0x59000, kAreaVdso)}));
}

TEST(Vdso, MoreDataThanThereIsIsAnotherVdso) {
  EXPECT_FALSE(match({entry(0x4f000, 0x56000, kAreaVvar), entry(0x56000, 0x58000, kAreaVdso)}));
}

TEST(Vdso, WhatStandsInTheWayMakesItAnother) {
  EXPECT_FALSE(match({entry(0x50000, 0x54000, kAreaVvar), entry(0x54000, 0x56000, kAnonPrivate),
                      entry(0x56000, 0x58000, kAreaVdso)}));
}

TEST(Vdso, ATaskMayHaveItsDataAlone) {
  const auto moves =
      match({entry(0x50000, 0x54000, kAreaVvar), entry(0x54000, 0x56000, kAreaVvar)});
  ASSERT_TRUE(moves);
  ASSERT_EQ(moves->size(), 2u);
  EXPECT_EQ((*moves)[0].to, 0x50000u);
  EXPECT_EQ((*moves)[1].to, 0x54000u);
  EXPECT_FALSE(match({entry(0x50000, 0x57000, kAreaVvar)}));
}

TEST(Vdso, ATaskMayHaveNone) {
  const auto moves = match({entry(0x50000, 0x54000, kAnonPrivate)});
  ASSERT_TRUE(moves);
  EXPECT_TRUE(moves->empty());
}

}  // namespace
}  // namespace criu::mm
