// SPDX-License-Identifier: GPL-2.0-only
#include "criu/mm/vdso-code.h"

#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <optional>

#include "criu/base/error.h"
#include "criu/mm/restorer-area.h"

namespace criu::mm {
namespace {

// That of this process.
std::span<const uint8_t> own() {
  static const std::vector<Vma> all = own_vmas();
  const auto vdso = std::ranges::find_if(all, &Vma::is_vdso);
  if (vdso == all.end()) return {};
  return {reinterpret_cast<const uint8_t*>(vdso->start), vdso->size()};
}

struct VdsoCode : testing::Test {
  std::vector<uint8_t> code{own().begin(), own().end()};

  void SetUp() override {
    if (own().empty()) GTEST_SKIP() << "this kernel gives no vDSO";
  }

  static std::optional<VdsoFunction> find(const std::string& name) {
    const auto all = vdso_functions(own());
    const auto it = std::ranges::find(all, name, &VdsoFunction::name);
    return it == all.end() ? std::nullopt : std::optional(*it);
  }
  // Without the name: of the functions that can be looked up under it.
  std::vector<uint8_t> without(const std::string& name) const {
    std::vector<uint8_t> other = code;
    for (auto at = other.begin();;) {
      at = std::search(at, other.end(), name.begin(), name.end());
      if (at == other.end()) return other;
      *at = 'X';
    }
  }
  // A call of the code, elsewhere and without its data.
  int gettime(clockid_t clock, timespec& time) const {
    void* at =
        mmap(nullptr, code.size(), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    std::memcpy(at, code.data(), code.size());
    mprotect(at, code.size(), PROT_READ | PROT_EXEC);
    const auto function = reinterpret_cast<int (*)(clockid_t, timespec*)>(
        static_cast<char*>(at) + find("__vdso_clock_gettime")->at);
    const int ret = function(clock, &time);
    munmap(at, code.size());
    return ret;
  }
  void expect_the_time() const {
    timespec before{}, time{}, after{};
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &before);
    EXPECT_EQ(gettime(CLOCK_MONOTONIC, time), 0);
    syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &after);
    const auto ns = [](const timespec& t) { return t.tv_sec * 1000000000L + t.tv_nsec; };
    EXPECT_LE(ns(before), ns(time));
    EXPECT_LE(ns(time), ns(after));
    EXPECT_EQ(gettime(1000, time), -EINVAL);
  }
};

TEST_F(VdsoCode, ThatOfThisKernelHasClocks) {
  const auto gettime = find("__vdso_clock_gettime");
  ASSERT_TRUE(gettime);
  EXPECT_GT(gettime->size, 12u);
  EXPECT_TRUE(find("__vdso_time"));
  EXPECT_FALSE(find("__vdso_nothing"));
}

TEST_F(VdsoCode, FunctionsGoToThoseOfTheSameName) {
  redirect_vdso(code, own(), reinterpret_cast<uint64_t>(own().data()));
  const uint64_t target =
      reinterpret_cast<uint64_t>(own().data()) + find("__vdso_clock_gettime")->at;
  uint64_t address = 0;
  std::memcpy(&address, &code[find("__vdso_clock_gettime")->at + 2], sizeof address);
  EXPECT_EQ(address, target);
  expect_the_time();
}

TEST_F(VdsoCode, WhatTheOtherHasNotIsAskedOfTheKernel) {
  redirect_vdso(code, without("clock_gettime"), 0x1000);
  EXPECT_EQ(code[find("__vdso_clock_gettime")->at], 0xb8);
  expect_the_time();
}

TEST_F(VdsoCode, ThereMayBeNoOther) {
  redirect_vdso(code, {}, 0);
  expect_the_time();
}

TEST_F(VdsoCode, AnUnknownFunctionIsNotLost) {
  std::vector<uint8_t> unknown = without("clock_gettime");
  EXPECT_THROW(redirect_vdso(unknown, own(), 0x1000), Error);
}

TEST_F(VdsoCode, SymbolsAreCountedByEitherTable) {
  // DT_HASH, 4, becomes a tag that nobody knows.
  const auto all = vdso_functions(code);
  bool has_both = false;
  for (size_t at = 0; at + 16 <= code.size(); at += 8) {
    uint64_t tag[2];
    std::memcpy(tag, &code[at], sizeof tag);
    if (tag[0] != 4 || tag[1] >= code.size()) continue;
    std::vector<uint8_t> other = code;
    other[at] = 0x70;
    try {
      has_both = vdso_functions(other).size() == all.size() || has_both;
    } catch (const Error&) {
      // It was no tag, or there is one table alone.
    }
  }
  if (!has_both) GTEST_SKIP() << "this vDSO has one table of its symbols";
}

TEST_F(VdsoCode, DamageIsToldOrDoesNothing) {
  EXPECT_THROW(vdso_functions({}), Error);
  for (size_t size = 0; size < code.size(); size += 7) {
    std::vector<uint8_t> cut(code.begin(), code.begin() + static_cast<std::ptrdiff_t>(size));
    try {
      redirect_vdso(cut, own(), 0x1000);
    } catch (const Error& e) {
      EXPECT_NE(std::string(e.what()), "");
    }
  }
  for (size_t at = 0; at < std::min<size_t>(code.size(), 0x600); at++)
    for (const uint8_t with : {0x00, 0x7f, 0xff}) {
      std::vector<uint8_t> bad = code;
      bad[at] = with;
      try {
        redirect_vdso(bad, own(), 0x1000);
      } catch (const Error& e) {
        EXPECT_NE(std::string(e.what()), "");
      }
    }
}

}  // namespace
}  // namespace criu::mm
