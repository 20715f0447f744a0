// SPDX-License-Identifier: GPL-2.0-only
#include "criu/ns/timens.h"

#include <gtest/gtest.h>

namespace criu::ns {
namespace {

constexpr int64_t kSecond = 1000000000;

TEST(Timens, OnTheSameBootTheOffsetsStay) {
  const TimensWish wish{{500 * kSecond, 600 * kSecond}, {-7, 9}, "one"};
  EXPECT_EQ(wanted_offsets(wish, "one", {900 * kSecond, 1000 * kSecond}), (Clocks{-7, 9}));
}

TEST(Timens, OnAnotherBootTheClocksGoOnFromWhereTheyStood) {
  const TimensWish wish{{500 * kSecond, 600 * kSecond + 1}, {-7, 9}, "one"};
  EXPECT_EQ(wanted_offsets(wish, "two", {20 * kSecond, 30 * kSecond}),
            (Clocks{480 * kSecond, 570 * kSecond + 1}));
  EXPECT_EQ(wanted_offsets(wish, "two", {900 * kSecond, 1000 * kSecond}),
            (Clocks{-400 * kSecond, -400 * kSecond + 1}));
}

TEST(Timens, WhatDoesNotTellItsBootMayBeOfAnother) {
  const TimensWish wish{{500 * kSecond, 600 * kSecond}, {}, ""};
  EXPECT_EQ(wanted_offsets(wish, "", {400 * kSecond, 400 * kSecond}),
            (Clocks{100 * kSecond, 200 * kSecond}));
}

}  // namespace
}  // namespace criu::ns
