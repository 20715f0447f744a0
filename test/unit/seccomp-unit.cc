// SPDX-License-Identifier: GPL-2.0-only
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>

#include <string>
#include <vector>

#include "criu/task/seccomp-filters.h"
#include "test/unit/support.h"

namespace criu {
namespace {

using compel::SeccompFilter;

SeccompFilter filter(uint32_t answer, uint32_t flags = 0) {
  return {{sock_filter{BPF_RET | BPF_K, 0, 0, answer}}, flags};
}

struct Seccomp : testing::Test {
  // filters, each with what it follows: -1 for nothing.
  void write(const std::vector<std::pair<size_t, int>>& filters, uint32_t flags = 0) {
    auto* all = arena_.make<SeccompEntry>();
    all->n_seccomp_filters = filters.size();
    all->seccomp_filters = arena_.array<::SeccompFilter*>(filters.size());
    for (size_t i = 0; i < filters.size(); i++) {
      auto* e = all->seccomp_filters[i] = arena_.make<::SeccompFilter>();
      e->filter = arena_.bytes(std::string(filters[i].first, 'x').data(), filters[i].first);
      if (filters[i].second >= 0) e->prev = filters[i].second, e->has_prev = true;
      if (flags != 0) e->flags = flags, e->has_flags = true;
    }
    image::write_single(dir_, image::Kind::kSeccomp, 0, all);
  }
  SeccompImage read() { return {dir_, arena_}; }
  std::string refusal() {
    return unit::error_of([&] { read(); });
  }

  unit::TempDir temp_;
  image::Directory dir_{temp_.path()};
  image::Arena arena_;
};

TEST_F(Seccomp, WhatEndsAlikeIsStoredOnce) {
  const std::vector<SeccompFilter> two = {filter(1), filter(2)};
  const std::vector<SeccompFilter> three = {filter(0), filter(1), filter(2)};
  const std::vector<SeccompFilter> other = {filter(2), filter(1)};
  SeccompFilters all;
  EXPECT_EQ(all.add(two), 1u);
  EXPECT_EQ(all.add(three), 2u);
  EXPECT_EQ(all.add(two), 1u);
  EXPECT_EQ(all.add(other), 4u);
  all.write(dir_);
  const SeccompImage image = read();
  EXPECT_EQ(image.chain(2, 7).size(), 3u);
  const SeccompChain chain = image.chain(4, 7);
  ASSERT_EQ(chain.size(), 2u);
  EXPECT_EQ(std::memcmp(chain[0]->filter.data, other[0].code.data(), sizeof(sock_filter)), 0);
  EXPECT_EQ(std::memcmp(chain[1]->filter.data, other[1].code.data(), sizeof(sock_filter)), 0);
}

TEST_F(Seccomp, FlagsTellFiltersApart) {
  const std::vector<SeccompFilter> quiet = {filter(1)};
  const std::vector<SeccompFilter> loud = {filter(1, SECCOMP_FILTER_FLAG_LOG)};
  SeccompFilters all;
  EXPECT_EQ(all.add(quiet), 0u);
  EXPECT_EQ(all.add(loud), 1u);
  all.write(dir_);
  EXPECT_EQ(read().chain(1, 7)[0]->flags, SECCOMP_FILTER_FLAG_LOG);
}

TEST_F(Seccomp, WithoutFiltersThereIsNoImage) {
  SeccompFilters().write(dir_);
  EXPECT_FALSE(dir_.has("seccomp.img"));
}

TEST_F(Seccomp, WhatIsNoFilterIsRefused) {
  write({{8, -1}, {12, -1}});
  EXPECT_EQ(refusal(), "seccomp.img: filter 1 of 12 bytes");
  write({{0, -1}});
  EXPECT_EQ(refusal(), "seccomp.img: filter 0 of 0 bytes");
  write({{8 * 4097, -1}});
  EXPECT_EQ(refusal(), "seccomp.img: filter 0 of 32776 bytes");
}

TEST_F(Seccomp, FiltersThatFollowThemselvesAreRefused) {
  write({{8, -1}, {8, 1}});
  EXPECT_EQ(refusal(), "seccomp.img: filter 1 is not before filter 1");
  write({{8, 1}, {8, -1}});
  EXPECT_EQ(refusal(), "seccomp.img: filter 1 is not before filter 0");
}

TEST_F(Seccomp, UnknownFlagsAreRefused) {
  write({{8, -1}}, 8);
  EXPECT_EQ(refusal(), "seccomp.img: filter 0 has the flags 0x8: not supported yet");
}

TEST_F(Seccomp, AFilterThatIsNotThereIsRefused) {
  write({{8, -1}});
  EXPECT_EQ(unit::error_of([&] { read().chain(1, 7); }),
            "core-7.img: there is no filter 1 in seccomp.img");
}

TEST_F(Seccomp, AFilterThatAsksAnotherProcessIsRefused) {
  EXPECT_EQ(unit::error_of([] { check_seccomp_filters(7, {filter(SECCOMP_RET_ALLOW)}); }),
            "no error");
  EXPECT_EQ(unit::error_of([] {
              check_seccomp_filters(7, {filter(SECCOMP_RET_ALLOW), filter(SECCOMP_RET_USER_NOTIF)});
            }),
            "thread 7 has a seccomp filter that asks another process (SECCOMP_RET_USER_NOTIF): "
            "not supported yet");
}

}  // namespace
}  // namespace criu
