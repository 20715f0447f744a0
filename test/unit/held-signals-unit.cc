// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/held-signals.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include "criu/base/error.h"

namespace criu {
namespace {

using testing::HasSubstr;

bool waits(int sig) {
  sigset_t pending;
  sigpending(&pending);
  return sigismember(&pending, sig) == 1;
}

std::string refusal(const DelayedSignals& delayed) {
  try {
    delayed.check();
  } catch (const Error& e) {
    return e.what();
  }
  return "";
}

TEST(DelayedSignals, NameWhatWouldEndTheProcess) {
  signal(SIGTERM, SIG_DFL);  // whoever has started this may have it ignored
  const DelayedSignals delayed;
  EXPECT_EQ(refusal(delayed), "");
  raise(SIGTERM);
  EXPECT_THAT(refusal(delayed), HasSubstr("interrupted by the signal SIGTERM"));
  EXPECT_FALSE(waits(SIGTERM));
  EXPECT_EQ(refusal(delayed), "");
}

TEST(DelayedSignals, KnowWhatIsIgnored) {
  signal(SIGHUP, SIG_IGN);
  {
    const DelayedSignals delayed;
    for (const int sig : {SIGHUP, SIGCHLD, SIGWINCH}) raise(sig);
    EXPECT_EQ(refusal(delayed), "");
  }
  signal(SIGHUP, SIG_DFL);
}

TEST(DelayedSignals, LeaveWhatWasBlockedBefore) {
  sigset_t usr1, before;
  sigemptyset(&usr1);
  sigaddset(&usr1, SIGUSR1);
  pthread_sigmask(SIG_BLOCK, &usr1, &before);
  {
    const DelayedSignals delayed;
    raise(SIGUSR1);
    EXPECT_EQ(refusal(delayed), "");
  }
  EXPECT_TRUE(waits(SIGUSR1));
  signal(SIGUSR1, SIG_IGN);  // drops it
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  signal(SIGUSR1, SIG_DFL);
}

TEST(DelayedSignals, AreDroppedWhereItIsTooLate) {
  DelayedSignals delayed;
  delayed.drop();
  raise(SIGTERM);  // or the test ends
}

}  // namespace
}  // namespace criu
