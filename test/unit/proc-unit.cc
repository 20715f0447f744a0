// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/proc.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thread>

#include "test/unit/support.h"

namespace criu::proc {
namespace {

using testing::Contains;
using testing::ElementsAre;

// The stat of a child that has given itself a name.
Stat stat_of_named(const char* name) {
  int ready[2];
  EXPECT_EQ(pipe(ready), 0);
  const pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_NAME, name);
    close(ready[1]);
    for (;;) pause();
  }
  close(ready[1]);
  char c;
  EXPECT_EQ(read(ready[0], &c, 1), 0);  // the child has closed its end, too
  close(ready[0]);
  const Stat s = read_stat(pid, pid);
  kill(pid, SIGKILL);
  waitpid(pid, nullptr, 0);
  return s;
}

TEST(ProcStatus, TellsWhichFeaturesOfTheProcessorAThreadHas) {
  EXPECT_TRUE(parse_status("x86_Thread_features:\tshstk wrss \n").shadow_stack);
  EXPECT_FALSE(parse_status("x86_Thread_features:\t\n").shadow_stack);
  EXPECT_TRUE(parse_status("untag_mask:\t0x81ffffffffffffff\n").tagged_addresses);
  EXPECT_FALSE(parse_status("untag_mask:\t0xffffffffffffffff\n").tagged_addresses);
}

TEST(ProcStat, NamesMayHoldParenthesesAndBlanks) {
  for (const char* name : {"plain", "a) S 1 (b", "))((", ") R 1 2 3", "two words", " "}) {
    const Stat s = stat_of_named(name);
    EXPECT_EQ(s.comm, name);
    EXPECT_EQ(s.ppid, getpid()) << name;
    EXPECT_EQ(s.pgrp, getpgrp()) << name;
    EXPECT_EQ(s.session, getsid(0)) << name;
    EXPECT_EQ(s.num_threads, 1) << name;
    EXPECT_THAT("SRD", testing::HasSubstr(std::string(1, s.state))) << name;
  }
}

TEST(ProcStat, OfAZombieHasItsWaitStatus) {
  const pid_t pid = fork();
  if (pid == 0) _exit(7);
  siginfo_t info{};
  ASSERT_EQ(waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT), 0);
  const Stat s = read_stat(pid, pid);
  EXPECT_EQ(s.state, 'Z');
  EXPECT_EQ(s.exit_code, 7 << 8);
  EXPECT_EQ(s.exit_signal, SIGCHLD);
  waitpid(pid, nullptr, 0);
}

TEST(ProcStat, KnowsThisProcess) {
  const Stat s = read_stat(getpid(), getpid());
  const int local = 0;
  EXPECT_LT(s.start_code, s.end_code);
  EXPECT_LT(reinterpret_cast<uint64_t>(&local), s.start_stack);
  EXPECT_LE(s.arg_start, s.arg_end);
  EXPECT_LE(s.arg_end, s.env_start);
  EXPECT_LE(s.env_start, s.env_end);
}

TEST(ProcStat, OfNobodyIsAnError) {
  EXPECT_THAT(unit::error_of([] { read_stat(0x7fffffff, 0x7fffffff); }),
              testing::HasSubstr("/proc/2147483647/stat"));
}

TEST(ProcStatus, KnowsThisProcess) {
  const mode_t before = umask(027);
  const Status s = read_status(getpid(), getpid());
  umask(before);
  EXPECT_EQ(s.umask, 027u);
  EXPECT_EQ(s.tracer, 0);
  EXPECT_THAT(s.uid, testing::Each(getuid()));
  EXPECT_THAT(s.gid, testing::Each(getgid()));
  EXPECT_EQ(s.groups.size(), static_cast<size_t>(getgroups(0, nullptr)));
  EXPECT_EQ(s.cap_eff & ~s.cap_prm, 0u);
  EXPECT_FALSE(s.thp_disabled);
}

TEST(ProcStatus, TellsTheNameAsItIs) {
  char before[16];
  prctl(PR_GET_NAME, before);
  for (const char* name : {" a\tb ", "\\n\n\\\\", "", ":x: y", "123456789012345"}) {
    prctl(PR_SET_NAME, name);
    EXPECT_EQ(read_status(getpid(), gettid()).comm, name);
  }
  prctl(PR_SET_NAME, before);
}

TEST(ProcStatus, SeesNoNewPrivs) {
  EXPECT_EQ(unit::in_child([] {
              prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
              prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0);
              const Status s = read_status(getpid(), getpid());
              return std::string(s.no_new_privs ? "privs " : "") + (s.thp_disabled ? "thp" : "");
            }),
            "privs thp");
}

TEST(ProcTimers, AreReadAsTheKernelWritesThem) {
  const std::vector<Timer> timers = parse_timers(
      "ID: 1\nsignal: 60/00007fff86e452a8\nnotify: signal/pid.2634\nClockID: 0\n"
      "ID: 7\nsignal: 14/0000000000000000\nnotify: signal/tid.99\nClockID: -6\n"
      "ID: 8\nsignal: 0/0\nnotify: none/pid.5\nClockID: 1\n");
  ASSERT_EQ(timers.size(), 3u);
  EXPECT_EQ(timers[0].id, 1);
  EXPECT_EQ(timers[0].signal, 60u);
  EXPECT_EQ(timers[0].sigval, 0x7fff86e452a8u);
  EXPECT_EQ(timers[0].notify, static_cast<uint32_t>(SIGEV_SIGNAL));
  EXPECT_EQ(timers[0].thread, 0);
  EXPECT_EQ(timers[1].notify, static_cast<uint32_t>(SIGEV_SIGNAL | SIGEV_THREAD_ID));
  EXPECT_EQ(timers[1].thread, 99);
  EXPECT_EQ(timers[1].clock, static_cast<uint32_t>(-6));
  EXPECT_EQ(timers[2].notify, static_cast<uint32_t>(SIGEV_NONE));
  EXPECT_TRUE(parse_timers("").empty());
}

TEST(ProcTimers, ThatBeginInTheMiddleAreAnError) {
  EXPECT_THAT(unit::error_of([] { parse_timers("signal: 60/0\nID: 1\n"); }),
              testing::HasSubstr("signal: 60/0"));
}

TEST(ProcTask, ListsThreadsAndChildren) {
  const pid_t child = fork();
  if (child == 0)
    for (;;) pause();
  EXPECT_THAT(list_children(getpid()), Contains(child));
  EXPECT_THAT(list_children(child), testing::IsEmpty());
  EXPECT_THAT(list_threads(child), ElementsAre(child));
  // A child belongs to the thread that made it.
  pid_t of_thread = 0;
  std::thread([&] {
    EXPECT_THAT(list_threads(getpid()), Contains(static_cast<pid_t>(syscall(SYS_gettid))));
    of_thread = fork();
    if (of_thread == 0)
      for (;;) pause();
    EXPECT_THAT(list_children(getpid()), Contains(of_thread));
  }).join();
  for (const pid_t pid : {child, of_thread}) {
    kill(pid, SIGKILL);
    waitpid(pid, nullptr, 0);
  }
}

TEST(ProcText, NumbersAndLines) {
  EXPECT_EQ(to_u64("  12 13"), 12u);
  EXPECT_EQ(to_u64("ff", 16), 255u);
  EXPECT_EQ(to_u64("0022", 8), 18u);
  EXPECT_EQ(to_u64(""), 0u);
  EXPECT_EQ(to_u64("x"), 0u);
  std::vector<std::string> lines;
  each_line("a\n\nb c\nlast", [&](std::string_view l) { lines.emplace_back(l); });
  EXPECT_THAT(lines, ElementsAre("a", "", "b c", "last"));
  EXPECT_EQ(path(12, "maps"), "/proc/12/maps");
}

}  // namespace
}  // namespace criu::proc
