// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/error.h"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace criu
