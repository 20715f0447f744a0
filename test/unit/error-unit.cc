// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/error.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <set>

#include "criu/base/directory-listing.h"
#include "criu/base/fd.h"
#include "criu/base/proc.h"

namespace criu {
namespace {

TEST(Errors, KnowWhatIsNotThere) {
  for (const int error : {ENOENT, ESRCH, EIO, EACCES, EMFILE}) {
    const bool gone = error == ENOENT || error == ESRCH;
    try {
      errno = error;
      fail_errno("cannot {}", "look");
    } catch (const NotThere& e) {
      EXPECT_TRUE(gone) << e.what();
      EXPECT_EQ(std::string(e.what()), fmt::format("cannot look: {}", strerror(error)));
    } catch (const Error& e) {
      EXPECT_FALSE(gone) << e.what();
    }
  }
}

TEST(Errors, SayOfATaskThatItHasGone) {
  constexpr pid_t kNobody = 1 << 22;  // PID_MAX_LIMIT: one more than there can be
  EXPECT_THROW(proc::read_stat(kNobody, kNobody), NotThere);
  EXPECT_THROW(proc::list_threads(kNobody), NotThere);
}

TEST(Errors, TellWhatIsNotThereFromWhatCannotBeRead) {
  EXPECT_EQ(read_file_if_there("/proc/self/no-such-file"), std::nullopt);
  EXPECT_THROW(read_file_if_there("/proc/self/stat/no-directory"), Error);
  EXPECT_THROW(DirectoryListing("/proc/self/no-such-file"), NotThere);
}

TEST(DirectoryListing, GivesNamesUntilTheKernelDoesNotGoOn) {
  DirectoryListing own("/proc/self");
  std::set<std::string> names;
  while (const char* name = own.next()) names.insert(name);
  EXPECT_TRUE(names.contains("stat"));
  EXPECT_FALSE(names.contains("."));

  DirectoryListing closed("/proc/self");
  const UniqueFd file = open_path("/proc/self/stat", O_RDONLY);
  dup3(file.get(), closed.fd(), O_CLOEXEC);
  EXPECT_THROW(closed.next(), Error);  // ENOTDIR
}

}  // namespace
}  // namespace criu
