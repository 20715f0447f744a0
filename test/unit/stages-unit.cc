// SPDX-License-Identifier: GPL-2.0-only
#include "criu/task/stages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>

#include <cerrno>

#include "test/unit/support.h"

namespace criu {
namespace {

constexpr int kPatience = 10'000;  // ms

// Whether everybody who holds the other end of a pipe closes it in time.
bool all_end(int fd) {
  pollfd p{fd, POLLIN, 0};
  char c;
  return poll(&p, 1, kPatience) == 1 && read(fd, &c, 1) == 0;
}

TEST(Stages, AreLeftWhenTheNextBegins) {
  Stages stages;
  stages.begin(pie::kCreate, 2);
  pid_t tasks[2];
  for (pid_t& task : tasks) {
    task = fork();
    if (task != 0) continue;
    stages.done(pie::kCreate);
    stages.done(pie::kGroups);
    _exit(42);
  }
  stages.wait_all(pie::kCreate, [] {});
  stages.begin(pie::kGroups, 2);
  stages.wait_all(pie::kGroups, [] {});
  stages.begin(pie::kMemory, 0);
  for (const pid_t task : tasks) {
    int status = 0;
    ASSERT_EQ(waitpid(task, &status, 0), task);
    EXPECT_EQ(WEXITSTATUS(status), 42);
  }
}

TEST(Stages, AnAbortEndsEverybody) {
  Stages stages;
  stages.begin(pie::kCreate, 2);
  const pid_t waits = fork();
  if (waits == 0) {
    stages.done(pie::kCreate);
    _exit(42);
  }
  const pid_t fails = fork();
  if (fails == 0) {
    stages.abort();
    _exit(0);
  }
  EXPECT_EQ(unit::error_of([&] { stages.wait_all(pie::kCreate, [] {}); }),
            "a task could not be restored");
  waitpid(fails, nullptr, 0);
  int status = 0;
  ASSERT_EQ(waitpid(waits, &status, 0), waits);
  EXPECT_EQ(WEXITSTATUS(status), 1);
}

TEST(Stages, AFailedStepIsDescribed) {
  Stages stages;
  stages.begin(pie::kMemory, 1);
  pie::SharedStages* shared = stages.shared();
  shared->failed_step = pie::kStepMap, shared->failed_pid = 17;
  shared->failed_error = -12, shared->failed_detail = 0x5000;
  stages.abort();
  EXPECT_EQ(unit::error_of([&] { stages.wait_all(pie::kMemory, [] {}); }),
            "task 17: cannot map 0x5000: Cannot allocate memory");
}

TEST(Stages, ASnapshotThatWentMeanwhileIsDescribed) {
  Stages stages;
  stages.begin(pie::kMemory, 1);
  pie::SharedStages* shared = stages.shared();
  shared->failed_step = pie::kStepRmfork, shared->failed_pid = 17;
  shared->failed_error = -ESTALE, shared->failed_detail = 0x5000;
  stages.abort();
  EXPECT_THAT(unit::error_of([&] { stages.wait_all(pie::kMemory, [] {}); }),
              testing::AllOf(testing::StartsWith("task 17: rmfork failed to insert the snapshot at "
                                                 "meta offset 0x5000: Stale file handle (the "),
                             testing::HasSubstr("another one lies there")));
}

TEST(Stages, TheCheckOfWhoWaitsMayGiveUp) {
  Stages stages;
  stages.begin(pie::kCreate, 1);
  EXPECT_EQ(unit::error_of([&] { stages.wait_all(pie::kCreate, [] { fail("no hope"); }); }),
            "no hope");
}

TEST(Stages, AFailedStepGoesBeforeTheEndOfItsTask) {
  Stages stages;
  stages.begin(pie::kMemory, 1);
  EXPECT_EQ(unit::error_of([&] {
              stages.wait_all(pie::kMemory, [&] {
                pie::SharedStages* shared = stages.shared();
                shared->failed_step = pie::kStepMap, shared->failed_pid = 17;
                shared->failed_error = -12, shared->failed_detail = 0x5000;
                stages.abort();
                fail("task 17 has ended");
              });
            }),
            "task 17: cannot map 0x5000: Cannot allocate memory");
}

// Reaped or not: here the dead coordinator stays a zombie.
TEST(Stages, ADeadCoordinatorEndsThoseThatWait) {
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int alive[2];
  ASSERT_EQ(pipe(alive), 0);
  const pid_t coordinator = fork();
  if (coordinator == 0) {
    Stages stages;
    stages.begin(pie::kCreate, 2);  // one of them never comes
    if (fork() == 0) {
      stages.done(pie::kCreate);
      _exit(42);
    }
    try {
      stages.wait_all(pie::kCreate, [&] {
        if (__atomic_load_n(&stages.shared()->left, __ATOMIC_SEQ_CST) == 1) raise(SIGKILL);
      });
    } catch (const std::exception&) {
    }
    _exit(1);
  }
  close(alive[1]);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(coordinator), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(info.si_status, SIGKILL);
  EXPECT_TRUE(all_end(alive[0]));
  close(alive[0]);
  ASSERT_EQ(waitpid(coordinator, nullptr, 0), coordinator);
  int status = 0;
  ASSERT_GT(waitpid(-1, &status, 0), 0);
  EXPECT_EQ(WEXITSTATUS(status), 1);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

}  // namespace
}  // namespace criu
