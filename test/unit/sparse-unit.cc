// SPDX-License-Identifier: GPL-2.0-only
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "criu/base/fd.h"
#include "criu/files/sparse.h"

namespace criu::files {
namespace {

constexpr uint64_t kBlock = 1 << 20;  // no file system has larger ones

class Sparse : public testing::TestWithParam<bool> {
 protected:
  Sparse() {
    // In the build directory: /tmp is often a tmpfs, which does not tell its extents.
    char name[] = "build-sparse-unit.XXXXXX";
    fd_.reset(mkstemp(name));
    unlink(name);
  }
  void write_at(uint64_t offset, uint64_t length) const {
    const std::vector<char> data(length, 'x');
    ASSERT_EQ(pwrite(fd_.get(), data.data(), length, static_cast<off_t>(offset)),
              static_cast<ssize_t>(length));
  }
  // Whether the runs cover all of that part, and nothing a block away from it.
  static void expect_covers(const DataRun& run, uint64_t offset, uint64_t end) {
    EXPECT_LE(run.offset, offset);
    EXPECT_GT(run.offset + kBlock, offset);
    EXPECT_GE(run.offset + run.length, end);
    EXPECT_LT(run.offset + run.length, end + kBlock);
  }
  UniqueFd fd_;
};

TEST_P(Sparse, FindsTheDataBetweenHoles) {
  ASSERT_EQ(ftruncate(fd_.get(), 100 * kBlock), 0);
  write_at(10 * kBlock, 3 * kBlock);
  write_at(50 * kBlock + 5, 1);
  const std::vector<DataRun> runs = data_runs(fd_.get(), 100 * kBlock, GetParam());
  ASSERT_EQ(runs.size(), 2U);
  expect_covers(runs[0], 10 * kBlock, 13 * kBlock);
  expect_covers(runs[1], 50 * kBlock + 5, 50 * kBlock + 6);
}

TEST_P(Sparse, EndsWithTheFile) {
  const uint64_t size = 5 * kBlock + 7;
  ASSERT_EQ(ftruncate(fd_.get(), static_cast<off_t>(size)), 0);
  write_at(size - 3, 3);
  const std::vector<DataRun> runs = data_runs(fd_.get(), size, GetParam());
  ASSERT_EQ(runs.size(), 1U);
  EXPECT_EQ(runs[0].offset + runs[0].length, size);
}

TEST_P(Sparse, HasNoneWhereAllIsHole) {
  ASSERT_EQ(ftruncate(fd_.get(), 3 * kBlock), 0);
  EXPECT_TRUE(data_runs(fd_.get(), 3 * kBlock, GetParam()).empty());
  EXPECT_TRUE(data_runs(fd_.get(), 0, GetParam()).empty());
}

INSTANTIATE_TEST_SUITE_P(Ways, Sparse, testing::Bool());

}  // namespace
}  // namespace criu::files
