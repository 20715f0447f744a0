// SPDX-License-Identifier: GPL-2.0-only
#include "criu/files/kcmp-order.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

#include "criu/base/error.h"
#include "criu/base/fd.h"

namespace criu::files {
namespace {

// Descriptors of ours, each with the number of the open file that it refers to.
class OpenFiles {
 public:
  int open() {
    const int file = static_cast<int>(files_++);
    keep(file, ::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    return numbers_.back();
  }
  void duplicate(int fd) { keep(file_of_.at(fd), fcntl(fd, F_DUPFD_CLOEXEC, 0)); }

  const std::vector<int>& numbers() const { return numbers_; }
  int file_of(int fd) const { return file_of_.at(fd); }
  size_t files() const { return files_; }

 private:
  void keep(int file, int fd) {
    ASSERT_GE(fd, 0);
    file_of_[fd] = file;
    numbers_.push_back(fd);
    owned_.emplace_back(fd);
  }
  size_t files_ = 0;
  std::map<int, int> file_of_;
  std::vector<int> numbers_;
  std::vector<UniqueFd> owned_;
};

void expect_sorted(const OpenFiles& open) {
  const std::vector<Duplicates> sorted = sort_open_files(getpid(), open.numbers());
  ASSERT_EQ(sorted.size(), open.files());
  std::set<int> seen;
  for (const Duplicates& fds : sorted) {
    EXPECT_TRUE(std::ranges::is_sorted(fds));
    for (const int fd : fds) {
      EXPECT_EQ(open.file_of(fd), open.file_of(fds.front()));
      EXPECT_TRUE(seen.insert(fd).second);
    }
  }
  EXPECT_EQ(seen.size(), open.numbers().size());
  for (size_t i = 1; i < sorted.size(); i++)
    EXPECT_LT(compare_open_files(getpid(), sorted[i - 1].front(), getpid(), sorted[i].front()), 0);
}

TEST(KcmpOrder, OneAndNone) {
  OpenFiles open;
  EXPECT_TRUE(sort_open_files(getpid(), {}).empty());
  open.open();
  expect_sorted(open);
  open.duplicate(open.numbers().front());
  expect_sorted(open);
}

// Around the sizes at which more threads take part.
TEST(KcmpOrder, ManyWithDuplicatesHereAndThere) {
  for (const int files : {2, 31, 32, 63, 64, 65, 97, 128, 201}) {
    OpenFiles open;
    for (int i = 0; i < files; i++) {
      const int fd = open.open();
      for (int n = i % 7; n > 4; n--) open.duplicate(fd);
      if (i % 3 == 0) open.duplicate(open.numbers()[static_cast<size_t>(i) / 2]);
    }
    expect_sorted(open);
  }
}

TEST(KcmpOrder, OneFileManyTimes) {
  OpenFiles open;
  const int fd = open.open();
  for (int i = 0; i < 300; i++) open.duplicate(fd);
  expect_sorted(open);
}

TEST(KcmpOrder, DescriptorThatIsNotThere) {
  OpenFiles open;
  const int fd = open.open();
  EXPECT_THROW(sort_open_files(getpid(), {fd, 1 << 19}), Error);
}

}  // namespace
}  // namespace criu::files
