// SPDX-License-Identifier: GPL-2.0-only
#include "criu/base/service-fds.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "test/unit/support.h"

namespace criu {
namespace {

using testing::HasSubstr;

// So that the limit cannot be raised again.
void drop_sys_resource() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  syscall(SYS_capget, &header, data);
  data[0].effective &= ~(1U << CAP_SYS_RESOURCE);
  syscall(SYS_capset, &header, data);
}

// "base-last" under a limit of open files, or the error.
std::string range(rlim_t limit, const std::set<int>& used) {
  return unit::in_child([&] {
    drop_sys_resource();
    const rlimit both{limit, limit};
    if (setrlimit(RLIMIT_NOFILE, &both) != 0) fail_errno("setrlimit");
    const ServiceFds fds(used);
    return std::to_string(fds.base()) + "-" + std::to_string(fds.last());
  });
}

TEST(ServiceFds, LieAboveAll) {
  EXPECT_EQ(range(400, {0, 1, 2}), "3-399");
  EXPECT_EQ(range(400, {}), "3-399");
  EXPECT_EQ(range(400, {0, 1, 2, 300}), "301-399");
}

TEST(ServiceFds, LieInTheLargestGapWhereThereIsNoRoomAbove) {
  EXPECT_EQ(range(200, {0, 1, 2, 150}), "3-149");
  EXPECT_EQ(range(200, {0, 1, 2, 50, 160, 199}), "51-159");
  EXPECT_EQ(range(200, {199}), "3-198");
}

TEST(ServiceFds, NeedRoomForSixtyFive) {
  EXPECT_EQ(range(100, {0, 1, 2, 34}), "35-99");
  EXPECT_THAT(range(100, {0, 1, 2, 35}), HasSubstr("this process may only open 100 files"));
  EXPECT_THAT(range(100, {0, 1, 2, 50, 99}), HasSubstr("descriptor 99 is to be restored"));
  EXPECT_THAT(range(10, {0, 1, 2}), HasSubstr("may only open 10 files"));
}

TEST(ServiceFds, AreNeverThoseInUse) {
  for (int fd = 3; fd < 190; fd++) {
    const std::string where = range(200, {0, 1, 2, fd});
    int base = 0, last = 0;
    ASSERT_EQ(sscanf(where.c_str(), "%d-%d", &base, &last), 2) << where;
    EXPECT_TRUE(fd < base || fd > last) << fd << " in " << where;
    EXPECT_GE(last - base, 64) << fd;
    EXPECT_LT(last, 200);
    EXPECT_GT(base, 2);
  }
}

TEST(ServiceFds, RaiseAndCloseOthers) {
  EXPECT_EQ(unit::in_child([] {
              const ServiceFds fds({0, 1, 2, 90});
              UniqueFd low(open("/dev/null", O_RDONLY));
              const UniqueFd raised = fds.raise(std::move(low));
              if (raised.get() < fds.base()) return std::string("not raised");
              const int number = raised.get();
              const UniqueFd again = fds.raise(UniqueFd(dup(number)));
              if (!(fcntl(number, F_GETFD) & FD_CLOEXEC)) return std::string("not close-on-exec");
              return std::string(again.get() > number ? "raised" : "below");
            }),
            "raised");
  // The pipe to the parent goes with the others: the wait status tells.
  const pid_t pid = fork();
  if (pid == 0) {
    const ServiceFds fds({0, 1, 2});
    const UniqueFd raised = fds.raise(UniqueFd(open("/dev/null", O_RDONLY)));
    fds.close_others();
    _exit(fcntl(raised.get(), F_GETFD) >= 0 && fcntl(0, F_GETFD) < 0 && fcntl(2, F_GETFD) < 0 ? 42
                                                                                              : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(WEXITSTATUS(status), 42);
}

TEST(ServiceFds, GetAmpleRoomFromWhoMayRaiseTheLimit) {
  const std::string where = unit::in_child([] {
    const rlimit both{400, 400};
    rlimit more{500, 500};
    if (setrlimit(RLIMIT_NOFILE, &both) != 0 || setrlimit(RLIMIT_NOFILE, &more) != 0)
      return std::string("none");
    const ServiceFds fds({0, 1, 2, 499});
    return std::to_string(fds.base()) + "-" + std::to_string(fds.last());
  });
  if (where == "none") GTEST_SKIP() << "nobody here may raise a limit (CAP_SYS_RESOURCE)";
  EXPECT_EQ(where, "500-66035");
}

TEST(ServiceFds, SayWhenTheyAreUsedUp) {
  EXPECT_THAT(unit::in_child([] {
                drop_sys_resource();
                const rlimit both{100, 100};
                setrlimit(RLIMIT_NOFILE, &both);
                const ServiceFds fds({0, 1, 2});
                std::vector<UniqueFd> all;
                for (;;) all.push_back(fds.raise(UniqueFd(open("/dev/null", O_RDONLY))));
                return std::string();
              }),
              HasSubstr("raise the limit of open files"));
}

TEST(OwnFd, ThatCannotBeClosedIsAnError) {
  UniqueFd good(open("/dev/null", O_WRONLY));
  EXPECT_EQ(unit::error_of([&] { good.close("a file"); }), "no error");
  EXPECT_FALSE(good);
  good.close("nothing");
  const int number = open("/dev/null", O_WRONLY);
  UniqueFd bad(number);
  ::close(number);
  EXPECT_THAT(unit::error_of([&] { bad.close("pages-1.img"); }),
              testing::HasSubstr("cannot finish writing pages-1.img"));
}

}  // namespace
}  // namespace criu
