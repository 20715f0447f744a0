// SPDX-License-Identifier: GPL-2.0-only
#include "compel/registers.h"

#include <cpuid.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/futex.h>
#include <sys/syscall.h>

#include <cerrno>
#include <cstring>

#include "compel/error.h"
#include "compel/xstate.h"
#include "criu/arch/x86_64/thread-info.h"
#include "test/unit/support.h"

namespace {

using compel::Registers;
using compel::without_pending_restart;
using testing::HasSubstr;

constexpr unsigned long kUserCs = 0x33, kUser32Cs = 0x23;
constexpr size_t kXstateBv = 512;

user_regs_struct in_syscall(long nr, long result) {
  user_regs_struct r{};
  r.orig_rax = static_cast<unsigned long>(nr);
  r.rax = static_cast<unsigned long>(result);
  r.rip = 0x401002;
  r.cs = kUserCs;
  return r;
}

TEST(PendingRestart, ACallThatIsToRunAgainIsSetUpTo) {
  for (const long restart : {-512L, -513L, -514L}) {
    const user_regs_struct r = without_pending_restart(in_syscall(7, restart));
    EXPECT_EQ(r.rax, 7u) << restart;
    EXPECT_EQ(r.rip, 0x401000u) << restart;
    EXPECT_EQ(r.orig_rax, ~0UL) << restart;
  }
}

user_regs_struct with_arguments(user_regs_struct r, unsigned long rdi, unsigned long rsi,
                                unsigned long rdx, unsigned long r10) {
  r.rdi = rdi, r.rsi = rsi, r.rdx = rdx, r.r10 = r10;
  return r;
}

TEST(PendingRestart, AWaitOfWhichIsUnknownHowMuchIsLeftReturnsEintr) {
  constexpr unsigned long kHere = 0x7000, kThere = 0x7010;
  for (const user_regs_struct& wait : {
           with_arguments(in_syscall(SYS_nanosleep, -516), kHere, 0, 0, 0),
           with_arguments(in_syscall(SYS_nanosleep, -516), kHere, kThere, 0, 0),
           with_arguments(in_syscall(SYS_clock_nanosleep, -516), 1, 0, kHere, 0),
           with_arguments(in_syscall(SYS_clock_nanosleep, -516), 1, 0, kHere, kThere),
           with_arguments(in_syscall(SYS_poll, -516), kHere, 1, 5000, 0),
           with_arguments(in_syscall(SYS_futex, -516), kHere, FUTEX_WAIT_PRIVATE, 0, kThere),
           in_syscall(SYS_restart_syscall, -516),
       }) {
    const user_regs_struct r = without_pending_restart(wait);
    EXPECT_EQ(static_cast<long>(r.rax), -EINTR) << wait.orig_rax;
    EXPECT_EQ(r.rip, 0x401002u);
    EXPECT_EQ(r.orig_rax, ~0UL);
  }
}

TEST(PendingRestart, AWaitWhoseArgumentsSayWhatIsLeftRunsAgain) {
  constexpr unsigned long kHere = 0x7000, kThere = 0x7010, kForever = 0xffffffff;
  constexpr unsigned long kOp = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME;
  for (const user_regs_struct& wait : {
           with_arguments(in_syscall(SYS_nanosleep, -516), kHere, kHere, 0, 0),
           with_arguments(in_syscall(SYS_clock_nanosleep, -516), 1, 0, kHere, kHere),
           with_arguments(in_syscall(SYS_poll, -516), kHere, 1, kForever, 0),
           with_arguments(in_syscall(SYS_futex, -516), kHere, kOp, 0, kThere),
       }) {
    const user_regs_struct r = without_pending_restart(wait);
    EXPECT_EQ(r.rax, wait.orig_rax);
    EXPECT_EQ(r.rip, 0x401000u) << wait.orig_rax;
    EXPECT_EQ(r.orig_rax, ~0UL);
  }
}

TEST(CallAgain, IsForWaitsThatGoOnAsWellByTheirOwnCall) {
  constexpr unsigned long kHere = 0x7000, kForever = 0xffffffff;
  const auto poll =
      compel::call_again(with_arguments(in_syscall(SYS_poll, -516), kHere, 1, kForever, 0));
  ASSERT_TRUE(poll);
  // The kernel makes it EINTR if a handler runs first, as it would the wait itself.
  EXPECT_EQ(static_cast<long>(poll->regs.rax), -514);
  EXPECT_EQ(poll->regs.orig_rax, static_cast<unsigned long>(SYS_poll));
  EXPECT_EQ(poll->regs.rip, 0x401002u);
  EXPECT_EQ(poll->duration, 0u);
  const auto sleep =
      compel::call_again(with_arguments(in_syscall(SYS_nanosleep, -516), kHere, kHere, 0, 0));
  ASSERT_TRUE(sleep);
  EXPECT_EQ(sleep->duration, kHere);
}

TEST(CallAgain, IsForNothingElse) {
  constexpr unsigned long kHere = 0x7000, kProcessorTime = 2;
  for (const user_regs_struct& regs : {
           with_arguments(in_syscall(SYS_poll, -516), kHere, 1, 5000, 0),
           with_arguments(in_syscall(SYS_nanosleep, -516), kHere, 0, 0, 0),
           with_arguments(in_syscall(SYS_clock_nanosleep, -516), kProcessorTime, 0, kHere, kHere),
           with_arguments(in_syscall(SYS_nanosleep, -512), kHere, kHere, 0, 0),
           in_syscall(SYS_restart_syscall, -516),
           in_syscall(-1, -516),
       })
    EXPECT_FALSE(compel::call_again(regs)) << regs.orig_rax;
}

TEST(PendingRestart, TheWayBack) {
  for (const unsigned error : {512U, 513U, 514U}) {
    const user_regs_struct before = in_syscall(7, -static_cast<long>(error));
    EXPECT_EQ(compel::pending_restart(before), error);
    const user_regs_struct after =
        compel::with_pending_restart(without_pending_restart(before), error);
    EXPECT_EQ(after.orig_rax, 7u);
    EXPECT_EQ(static_cast<long>(after.rax), -static_cast<long>(error));
    EXPECT_EQ(after.rip, before.rip);
  }
  // What the kernel keeps to itself is made again in the end, unless a handler runs first.
  EXPECT_EQ(compel::pending_restart(with_arguments(in_syscall(SYS_poll, -516), 0, 0,
                                                   static_cast<unsigned long>(-1), 0)),
            514u);
  EXPECT_EQ(compel::pending_restart(in_syscall(7, -4)), 0u);
  EXPECT_EQ(compel::pending_restart(in_syscall(-1, -512)), 0u);
}

TEST(PendingRestart, NoOtherErrorLeadsBack) {
  for (const unsigned error : {0U, 4U, 511U, 515U, 516U, 4096U})
    EXPECT_THROW(compel::with_pending_restart(in_syscall(-1, 7), error), compel::Error);
  EXPECT_THROW(compel::with_pending_restart(in_syscall(-1, -1), 512), compel::Error);
}

TEST(PendingRestart, OtherResultsStay) {
  for (const long result : {0L, 5L, -4L, -515L, -517L, -1L}) {
    const user_regs_struct r = without_pending_restart(in_syscall(7, result));
    EXPECT_EQ(static_cast<long>(r.rax), result);
    EXPECT_EQ(r.rip, 0x401002u);
  }
}

TEST(PendingRestart, OutsideOfACallNothingChanges) {
  const user_regs_struct r = without_pending_restart(in_syscall(-1, -512));
  EXPECT_EQ(static_cast<long>(r.rax), -512);
  EXPECT_EQ(r.rip, 0x401002u);
}

TEST(Compat, TheCodeSegmentTells) {
  user_regs_struct r{};
  r.cs = kUserCs;
  EXPECT_FALSE(compel::is_compat(r));
  r.cs = kUser32Cs;
  EXPECT_TRUE(compel::is_compat(r));
}

struct Place {
  size_t offset, size;
};
Place ymm_place() {
  unsigned size = 0, offset = 0, ecx = 0, edx = 0;
  __cpuid_count(0xd, 2, size, offset, ecx, edx);
  return {offset, size};
}

// Each general register has another value; x87, SSE and AVX state too.
Registers sample() {
  Registers r;
  unsigned long words[sizeof r.general / sizeof(unsigned long)];
  for (size_t i = 0; i < std::size(words); i++) words[i] = 0x1111111111111111UL * (i % 15) + i;
  memcpy(&r.general, words, sizeof words);
  r.general.cs = kUserCs;
  // What the format stores in 32 bits or less is no wider in the processor either.
  for (auto* segment : {&r.general.ss, &r.general.ds, &r.general.es, &r.general.fs, &r.general.gs})
    *segment &= 0xffff;
  r.general.orig_rax = ~0UL;
  unsigned size = 0, ebx = 0, ecx = 0, edx = 0;
  __cpuid_count(0xd, 0, size, ebx, ecx, edx);
  r.xstate.resize(std::max(ebx, 576U));
  for (size_t i = 32; i < 416; i++) r.xstate[i] = static_cast<uint8_t>(i * 3);
  r.xstate[0] = 0x7f, r.xstate[1] = 0x03;    // FCW
  r.xstate[24] = 0x80, r.xstate[25] = 0x1f;  // MXCSR
  uint64_t in_use = 3;
  const Place ymm = ymm_place();
  if (ymm.size != 0 && ymm.offset + ymm.size <= r.xstate.size()) {
    in_use |= 4;
    for (size_t i = 0; i < ymm.size; i++) r.xstate[ymm.offset + i] = static_cast<uint8_t>(200 - i);
  }
  memcpy(r.xstate.data() + kXstateBv, &in_use, sizeof in_use);
  return r;
}

// By way of packed bytes, as through a file.
ThreadInfoX86* packed_and_unpacked(criu::image::Arena& arena, const ThreadInfoX86* info) {
  std::vector<uint8_t> bytes(protobuf_c_message_get_packed_size(&info->base));
  protobuf_c_message_pack(&info->base, bytes.data());
  return arena.unpack<ThreadInfoX86>(bytes);
}

TEST(ThreadInfo, RoundTrips) {
  criu::image::Arena arena;
  const Registers before = sample();
  ThreadInfoX86* info = packed_and_unpacked(arena, criu::arch::thread_info(arena, before, 0xabc0));
  ASSERT_NE(info, nullptr);
  EXPECT_EQ(info->clear_tid_addr, 0xabc0u);
  const Registers after = criu::arch::registers_of(*info);
  EXPECT_EQ(memcmp(&after.general, &before.general, sizeof after.general), 0);
  ASSERT_GE(after.xstate.size(), 576u);
  EXPECT_EQ(memcmp(after.xstate.data(), before.xstate.data(), 416), 0);
  EXPECT_EQ(memcmp(after.xstate.data() + kXstateBv, before.xstate.data() + kXstateBv, 8), 0);
  const Place ymm = ymm_place();
  if (ymm.size == 0) return;
  ASSERT_GE(after.xstate.size(), ymm.offset + ymm.size);
  EXPECT_EQ(memcmp(after.xstate.data() + ymm.offset, before.xstate.data() + ymm.offset, ymm.size),
            0);
}

// Of the processor, and enabled by the kernel.
bool has_amx() {
  const compel::XstatePlace data = compel::xstate_place(criu::arch::kTileData);
  return data.size != 0 && data.end() <= compel::xstate_size();
}

TEST(ThreadInfo, TilesRoundTrip) {
  if (!has_amx()) GTEST_SKIP() << "this machine has no AMX";
  const compel::XstatePlace config = compel::xstate_place(17);
  const compel::XstatePlace data = compel::xstate_place(criu::arch::kTileData);
  criu::image::Arena arena;
  Registers before = sample();
  EXPECT_FALSE(criu::arch::uses_tiles(*criu::arch::thread_info(arena, before, 0)));
  ASSERT_GE(before.xstate.size(), data.end());
  for (size_t i = config.offset; i < config.end(); i++)
    before.xstate[i] = static_cast<uint8_t>(i * 5);
  for (size_t i = data.offset; i < data.end(); i++) before.xstate[i] = static_cast<uint8_t>(i / 7);
  const uint64_t in_use = 3 | 1 << 17 | 1 << 18;
  memcpy(before.xstate.data() + kXstateBv, &in_use, sizeof in_use);
  ThreadInfoX86* info = packed_and_unpacked(arena, criu::arch::thread_info(arena, before, 0));
  ASSERT_NE(info, nullptr);
  EXPECT_TRUE(criu::arch::uses_tiles(*info));
  const Registers after = criu::arch::registers_of(*info);
  ASSERT_EQ(after.xstate.size(), before.xstate.size());
  for (const compel::XstatePlace& p : {config, data})
    EXPECT_EQ(memcmp(after.xstate.data() + p.offset, before.xstate.data() + p.offset, p.size), 0);
}

TEST(ThreadInfo, ComponentsAreThereForWhoAskedForThem) {
  criu::image::Arena arena;
  auto* core = arena.make<CoreEntry>();
  core->thread_info = criu::arch::thread_info(arena, sample(), 0);
  const CoreEntry* const threads[] = {core};
  TaskCoreEntry task = TASK_CORE_ENTRY__INIT;
  const auto refusal = [&] {
    return criu::unit::error_of([&] { criu::arch::check_asked_for(task, threads); });
  };
  EXPECT_EQ(refusal(), "no error");
  core->thread_info->fpregs->xsave->xstate_bv |= 1ULL << criu::arch::kTileData;
  EXPECT_THAT(refusal(), HasSubstr("has not asked for"));
  task.has_xcomp_asked_for = 1;
  task.xcomp_asked_for = 19;
  EXPECT_THAT(refusal(), HasSubstr("XSAVE component 19, which is unknown"));
  task.xcomp_asked_for = criu::arch::kTileData;
  if (!has_amx()) {
    EXPECT_THAT(refusal(), HasSubstr("which this machine does not have"));
  }
}

TEST(ThreadInfo, StateThatTheFormatLacksIsRefused) {
  criu::image::Arena arena;
  Registers r = sample();
  uint64_t in_use = 3 | 1ULL << 19;  // APX
  memcpy(r.xstate.data() + kXstateBv, &in_use, sizeof in_use);
  EXPECT_THAT(criu::unit::error_of([&] { criu::arch::thread_info(arena, r, 0); }),
              HasSubstr("is not supported yet is in use"));
  r = sample();
  r.general.cs = kUser32Cs;
  EXPECT_EQ(criu::unit::error_of([&] { criu::arch::thread_info(arena, r, 0); }),
            "32-bit tasks are not supported yet");
  r = sample();
  r.xstate.resize(100);
  EXPECT_THAT(criu::unit::error_of([&] { criu::arch::thread_info(arena, r, 0); }),
              HasSubstr("100 bytes of xstate"));
}

TEST(ThreadInfo, ForgedStateIsRefused) {
  criu::image::Arena arena;
  const auto refusal = [&](auto&& spoil) {
    ThreadInfoX86* info = criu::arch::thread_info(arena, sample(), 0);
    spoil(*info);
    return criu::unit::error_of([&] { criu::arch::registers_of(*info); });
  };
  EXPECT_EQ(refusal([](ThreadInfoX86&) {}), "no error");
  EXPECT_THAT(refusal([](ThreadInfoX86& i) { i.fpregs->n_xmm_space = 63; }),
              HasSubstr("incomplete"));
  EXPECT_THAT(refusal([](ThreadInfoX86& i) { i.fpregs->n_st_space = 0; }), HasSubstr("incomplete"));
  EXPECT_THAT(refusal([](ThreadInfoX86& i) { i.fpregs->xsave->xstate_bv |= 1ULL << 40; }),
              HasSubstr("are unknown"));
  EXPECT_THAT(refusal([](ThreadInfoX86& i) { i.gpregs->mode = USER_X86_REGS_MODE__COMPAT; }),
              HasSubstr("32-bit"));
  // Arrays that are longer than the state is are cut, not followed.
  EXPECT_EQ(refusal([&](ThreadInfoX86& i) {
              i.fpregs->xsave->n_ymmh_space = 5000;
              i.fpregs->xsave->ymmh_space = arena.array<uint32_t>(5000);
            }),
            "no error");
}

}  // namespace
