// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/parallel.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <atomic>
#include <latch>
#include <numeric>
#include <vector>

#include "test/unit/support.h"

namespace criu {
namespace {

using unit::error_of;

TEST(Parallel, EachIsDoneOnce) {
  for (const size_t grain : {1, 3, 1000}) {
    std::vector<int> done(100, 0);
    for_each_in_parallel(done.size(), grain, [&](size_t i) { done[i]++; });
    EXPECT_EQ(done, std::vector<int>(100, 1)) << grain;
  }
  for_each_in_parallel(0, 1, [](size_t) { FAIL(); });
}

TEST(Parallel, ThreadsRunAtTheSameTime) {
  std::latch all(3);
  run_in_threads(3, [&] { all.arrive_and_wait(); });
  EXPECT_TRUE(all.try_wait());
}

TEST(Parallel, TheWorkIsDoneWhereNoThreadIsToBeHad) {
  EXPECT_EQ(unit::in_child([] {
              // The limit is not one for root.
              constexpr uid_t kSomebody = 54321;
              const rlimit none{0, 0};
              if (setrlimit(RLIMIT_NPROC, &none) < 0 || setuid(kSomebody) < 0) return "setup";
              int done = 0;
              run_in_threads(4, [&] { done++; });
              return done == 1 ? "by one" : "by several";
            }),
            "by one");
}

TEST(Parallel, TheLowestFailureOfThoseUnderWayIsThrown) {
  for (int round = 0; round < 100; round++)
    EXPECT_EQ(error_of([] {
                for_each_in_parallel(1000, 1, [](size_t i) {
                  if (i % 7 == 3) fail("{}", i);
                });
              }),
              "3");
}

TEST(Parallel, NoneIsBegunAfterAFailure) {
  std::atomic<size_t> begun{0};
  error_of([&] {
    for_each_in_parallel(100000, 1, [&](size_t i) {
      begun++;
      if (i == 0) fail("first");
    });
  });
  EXPECT_LT(begun, 100000u);
}

TEST(Parallel, AFailingThreadIsWaitedFor) {
  std::atomic<int> ended{0};
  EXPECT_EQ(error_of([&] {
              run_in_threads(4, [&] {
                if (ended++ == 2) fail("third");
              });
            }),
            "third");
  EXPECT_EQ(ended, 4);
}

}  // namespace
}  // namespace criu
