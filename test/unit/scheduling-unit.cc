// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/scheduling.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <unistd.h>

#include "test/unit/support.h"

namespace criu {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST(CpuList, HoldsNumbersAndRanges) {
  EXPECT_THAT(parse_cpu_list("0\n"), ElementsAre(1));
  EXPECT_THAT(parse_cpu_list("0-3,8"), ElementsAre(0x0f, 0x01));
  EXPECT_THAT(parse_cpu_list("1,3-4,15-16\n"), ElementsAre(0x1a, 0x80, 0x01));
  EXPECT_THAT(parse_cpu_list("\n"), IsEmpty());
}

TEST(CpuList, ImpossibleOnesAreErrors) {
  EXPECT_THAT(unit::error_of([] { parse_cpu_list("3-1"); }), HasSubstr("3-1"));
  EXPECT_THAT(unit::error_of([] { parse_cpu_list("0-99999999"); }), HasSubstr("99999999"));
}

TEST(Affinity, IsARestrictionWhereAProcessorIsMissing) {
  const std::vector<uint8_t> none, one{1}, two{2}, both{3}, many{0xff, 0xff};
  EXPECT_FALSE(is_restricted(both, both, both));
  EXPECT_TRUE(is_restricted(one, both, both));
  EXPECT_FALSE(is_restricted(one, one, both)) << "the cpuset has no more";
  EXPECT_FALSE(is_restricted(one, both, one)) << "the other one is off";
  EXPECT_FALSE(is_restricted(many, both, both)) << "more than there are";
  EXPECT_FALSE(is_restricted(both, many, both)) << "more in the cpuset than there are";
  EXPECT_TRUE(is_restricted(two, many, both));
  EXPECT_FALSE(is_restricted(none, none, both));
}

TEST(Affinity, OfAThreadIsReadWhereItWasSet) {
  cpu_set_t all, one;
  sched_getaffinity(0, sizeof all, &all);
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "there is one processor only";
  CPU_ZERO(&one);
  for (int cpu = 0; CPU_COUNT(&one) == 0; cpu++)
    if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &one);
  sched_setaffinity(0, sizeof one, &one);
  Cpuset cpuset(getpid());
  const std::vector<uint8_t> seen = read_scheduling(cpuset, getpid()).affinity;
  sched_setaffinity(0, sizeof all, &all);
  ASSERT_THAT(seen, testing::Not(IsEmpty()));
  EXPECT_EQ(memcmp(seen.data(), &one, std::min(seen.size(), sizeof one)), 0);
}

}  // namespace
}  // namespace criu
