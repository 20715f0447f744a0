// SPDX-License-Identifier: GPL-2.0-only
#include "compel/xstate.h"

#include <cpuid.h>
#include <gtest/gtest.h>

#include "criu/base/parallel.h"

namespace compel {
namespace {

TEST(Xstate, PlacesAreTheProcessorsHoweverOftenTheyAreAsked) {
  constexpr unsigned kFirst = 2, kLast = 62, kRounds = 3;
  for (unsigned round = 0; round < kRounds; round++)
    criu::run_in_threads(4, [] {
      for (unsigned i = kFirst; i <= kLast; i++) {
        unsigned size = 0, offset = 0, flags = 0, edx = 0;
        __cpuid_count(0xd, i, size, offset, flags, edx);
        const bool supervisor = (flags & 1) != 0;
        const XstatePlace place = xstate_place(i);
        EXPECT_EQ(place.size, supervisor ? 0 : size) << i;
        EXPECT_EQ(place.offset, supervisor ? 0 : offset) << i;
      }
    });
}

TEST(Xstate, EachPlaceLiesWithinTheAreaOrIsNotEnabled) {
  unsigned enabled = 0, size = 0, ecx = 0, edx = 0;
  __cpuid_count(0xd, 0, enabled, size, ecx, edx);
  EXPECT_EQ(xstate_size(), size);
  for (unsigned i = 2; i < 32; i++) {
    if ((enabled >> i & 1) != 0 && xstate_place(i).size != 0) {
      EXPECT_LE(576U, xstate_place(i).offset) << i;
    }
  }
}

}  // namespace
}  // namespace compel
