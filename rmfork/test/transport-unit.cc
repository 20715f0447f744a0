// SPDX-License-Identifier: GPL-2.0-only
#include "rmfork/transport.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cerrno>

#include "rmfork/error.h"
#include "rmfork/test/memory-kernel.h"

namespace rmfork {
namespace {

using testing::HasSubstr;

SyscallFn answering(long value) {
  return [value](long nr, void* arg) {
    EXPECT_EQ(nr, 454);
    EXPECT_EQ(arg, nullptr);
    return value;
  };
}

std::string failure(TransportChoice choice, const TransportSources& sources) {
  try {
    open_transport(choice, sources);
  } catch (const Error& e) {
    return e.what();
  }
  return "opened";
}

TEST(Probe, EfaultAloneIsRmfork) {
  EXPECT_EQ(probe(answering(-EFAULT)).answer, ProbeAnswer::kRmfork);
}

TEST(Probe, EnosysIsNoSuchCall) {
  ProbeResult r = probe(answering(-ENOSYS));
  EXPECT_EQ(r.answer, ProbeAnswer::kNoSuchCall);
  EXPECT_EQ(r.describe(), "syscall 454 answers ENOSYS");
}

TEST(Probe, EinvalIsFutexWake) {
  ProbeResult r = probe(answering(-EINVAL));
  EXPECT_EQ(r.answer, ProbeAnswer::kFutexWake);
  EXPECT_THAT(r.describe(), HasSubstr("futex_wake"));
}

TEST(Probe, SuccessIsNotRmfork) {
  ProbeResult r = probe(answering(0));
  EXPECT_EQ(r.answer, ProbeAnswer::kOther);
  EXPECT_EQ(r.describe(), "syscall 454 returns 0 where rmfork would answer EFAULT");
}

TEST(Probe, AnythingElseIsNamed) {
  ProbeResult r = probe(answering(-EPERM));
  EXPECT_EQ(r.answer, ProbeAnswer::kOther);
  EXPECT_EQ(r.describe(), "syscall 454 answers EPERM, which is not rmfork's answer");
}

// Whatever the kernel we run on, asking has no effect and one of the answers.
TEST(Probe, AsksTheRealKernel) {
  ProbeResult a = probe(), b = probe();
  EXPECT_LT(a.raw, 0);
  EXPECT_EQ(a.raw, b.raw);
}

TEST(Open, NamesBothWaysThatAreMissing) {
  EXPECT_EQ(
      failure(TransportChoice::kAuto, {answering(-ENOSYS), "/nonexistent/rmfork"}),
      "this kernel has no rmfork: syscall 454 answers ENOSYS and /nonexistent/rmfork does not "
      "exist");
}

TEST(Open, TheChosenWayIsTheOnlyOneTried) {
  EXPECT_EQ(failure(TransportChoice::kDevice, {answering(-EFAULT), "/nonexistent/rmfork"}),
            "no rmfork: /nonexistent/rmfork does not exist");
  EXPECT_EQ(failure(TransportChoice::kSyscall, {answering(-EINVAL), "/dev/null"}),
            "this kernel has no rmfork system call: syscall 454 answers EINVAL (it is futex_wake "
            "there)");
}

TEST(Open, AnotherDeviceIsRecognised) {
  EXPECT_EQ(failure(TransportChoice::kDevice, {answering(-ENOSYS), "/dev/null"}),
            "no rmfork: /dev/null is not the device of the rmfork module: Inappropriate ioctl for "
            "device");
}

TEST(Open, ADispatcherWithoutAModuleIsNoTransport) {
  TransportSources sources;
  sources.device_path = "/nonexistent/rmfork";
  sources.issue = [](long, void* arg) -> long { return arg ? -ENODEV : -EFAULT; };
  EXPECT_THAT(failure(TransportChoice::kAuto, sources),
              HasSubstr("syscall 454 is there but no rmfork module is loaded and"));
}

TEST(Open, TakesTheSyscallWhereItAnswers) {
  test::MemoryKernel kernel;
  TransportSources sources;
  sources.issue = [&](long, void* arg) -> long {
    return arg ? kernel.call(*static_cast<rmfork_kargs*>(arg)) : -EFAULT;
  };
  auto transport = open_transport(TransportChoice::kAuto, sources);
  EXPECT_EQ(transport->name(), "syscall 454");
  rmfork_restore_call call = {};
  transport->describe(call);
  EXPECT_EQ(call.how, RMFORK_HOW_SYSCALL);
  EXPECT_EQ(call.nr, 454u);
}

TEST(Choice, NamesParseBack) {
  for (auto c : {TransportChoice::kAuto, TransportChoice::kSyscall, TransportChoice::kDevice})
    EXPECT_EQ(parse_transport(transport_name(c)), c);
  EXPECT_EQ(parse_transport("Auto"), std::nullopt);
  EXPECT_EQ(parse_transport(""), std::nullopt);
}

TEST(RestoreCall, IssuesNothingAndRefusesTheUnknown) {
  rmfork_restore_call call = {};
  EXPECT_EQ(rmfork_issue(&call), 0);
  call.how = 9;
  EXPECT_EQ(rmfork_issue(&call), -EINVAL);
}

// getpid takes no arguments and ioctl on a closed descriptor says so: the registers are right.
TEST(RestoreCall, ReachesTheKernel) {
  rmfork_restore_call call = {};
  call.how = RMFORK_HOW_IOCTL;
  call.fd = -1;
  call.request = RMFORK_IOCTL;
  EXPECT_EQ(rmfork_issue(&call), -EBADF);
  call.how = RMFORK_HOW_SYSCALL;
  call.nr = 39;  // getpid
  EXPECT_EQ(rmfork_issue(&call), getpid());
}

}  // namespace
}  // namespace rmfork
